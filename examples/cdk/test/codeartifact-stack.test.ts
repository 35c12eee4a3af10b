import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { App, Stack, Tags, type CfnResource } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import schema from '../../../schema/properties.json' with { type: 'json' };
import {
  CodeArtifactStack,
  DELETION_MODES,
  ENDPOINT_TYPES,
  EXTERNAL_CONNECTIONS,
  PACKAGE_FORMATS,
  type CodeArtifactStackProps,
} from '../lib/codeartifact-stack.ts';

const TYPE = 'Custom::CodeArtifactStack';
const SERVICE_TOKEN = 'arn:aws:lambda:eu-west-1:123456789012:function:codeartifact-stack';
const LEAST: CodeArtifactStackProps = {
  serviceToken: SERVICE_TOKEN,
  domainName: 'kloudvin-pkgs',
  repositoryName: 'team-payments',
};

function synthesized(props: Partial<CodeArtifactStackProps>, then?: (made: CodeArtifactStack) => void): Template {
  const stack = new Stack(new App(), 'test');
  const made = new CodeArtifactStack(stack, 'Packages', { ...LEAST, ...props });
  then?.(made);
  return Template.fromStack(stack);
}

function properties(template: Template): Record<string, unknown> {
  const [resource] = Object.values(template.findResources(TYPE));
  return resource?.['Properties'];
}

const document = () =>
  new iam.PolicyDocument({
    statements: [
      new iam.PolicyStatement({
        actions: ['codeartifact:GetAuthorizationToken'],
        principals: [new iam.ArnPrincipal('arn:aws:iam::123456789012:role/builds')],
        resources: ['*'],
      }),
    ],
  });

/** TypeScript sees to it that none is forgotten here. */
const ALL: Required<CodeArtifactStackProps> = {
  ...LEAST,
  kmsKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/1',
  domainOwner: '123456789012',
  repositoryDescription: 'What payments builds with',
  externalConnection: ['public:npmjs', 'public:pypi'],
  upstreams: ['shared'],
  downstreams: ['team-orders'],
  domainPolicyDocument: document(),
  domainAccess: { principals: ['*'], organizationId: 'o-abcdefghij' },
  repositoryPolicyDocument: document(),
  tags: { squad: 'payments' },
  endpointFormats: ['npm', 'cargo'],
  endpointType: 'dualstack',
  adoptExisting: true,
  deletionMode: 'Retain',
  internalPackages: ['/npm/payments/*'],
  blockedPackages: ['/npm//event-stream$'],
  access: { publishers: ['123456789012'], readers: ['*'], organizationId: 'o-abcdefghij' },
  refresh: '1767225600',
};

test('the construct has the properties of the schema, and their values', () => {
  const named = properties(synthesized(ALL));
  assert.deepEqual(Object.keys(named).sort(), Object.keys(schema.properties).sort());
  assert.deepEqual(Object.keys(named['Access'] as object).sort(), Object.keys(schema.$defs.Access.properties).sort());
  const { ExternalConnection, Format, EndpointType, DeletionMode } = schema.$defs;
  assert.deepEqual([...EXTERNAL_CONNECTIONS], ExternalConnection.enum);
  assert.deepEqual([...PACKAGE_FORMATS], Format.enum);
  assert.deepEqual([...ENDPOINT_TYPES], EndpointType.enum);
  assert.deepEqual([...DELETION_MODES], DeletionMode.enum);
});

test('every property reaches the function under its own name', () => {
  const statement = {
    Action: 'codeartifact:GetAuthorizationToken',
    Effect: 'Allow',
    Principal: { AWS: 'arn:aws:iam::123456789012:role/builds' },
    Resource: '*',
  };
  const policy = { Statement: [statement], Version: '2012-10-17' };
  assert.deepEqual(properties(synthesized(ALL)), {
    ServiceToken: SERVICE_TOKEN,
    ServiceTimeout: '330',
    DomainName: 'kloudvin-pkgs',
    KmsKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/1',
    DomainOwner: '123456789012',
    RepositoryName: 'team-payments',
    RepositoryDescription: 'What payments builds with',
    ExternalConnection: ['public:npmjs', 'public:pypi'],
    Upstreams: ['shared'],
    Downstreams: ['team-orders'],
    DomainPolicyDocument: policy,
    DomainAccess: { Principals: ['*'], OrganizationId: 'o-abcdefghij' },
    RepositoryPolicyDocument: policy,
    Tags: { squad: 'payments' },
    EndpointFormats: ['npm', 'cargo'],
    EndpointType: 'dualstack',
    AdoptExisting: true,
    DeletionMode: 'Retain',
    InternalPackages: ['/npm/payments/*'],
    BlockedPackages: ['/npm//event-stream$'],
    Access: { Publishers: ['123456789012'], Readers: ['*'], OrganizationId: 'o-abcdefghij' },
    Refresh: '1767225600',
  });
});

test('what is left out stays out', () => {
  assert.deepEqual(properties(synthesized({})), {
    ServiceToken: SERVICE_TOKEN,
    ServiceTimeout: '330',
    DomainName: 'kloudvin-pkgs',
    RepositoryName: 'team-payments',
  });
});

test('a construct that is renamed can keep its logical id', () => {
  const template = synthesized({}, (made) => {
    const resource = made.node.findChild('Resource').node.defaultChild as CfnResource;
    resource.overrideLogicalId('Kept');
  });
  assert.deepEqual(Object.keys(template.findResources('Custom::CodeArtifactStack')), ['Kept']);
});

test('tags of the app reach the stack too, and win, as they do elsewhere in CDK', () => {
  const template = synthesized({ tags: { squad: 'payments', tier: '1' } }, (made) => {
    Tags.of(made.node.root).add('squad', 'platform');
    Tags.of(made.node.root).add('company', 'kloudvin');
  });
  assert.deepEqual(properties(template)['Tags'], { squad: 'platform', tier: '1', company: 'kloudvin' });
});

test('every output of the reference is an attribute of the same name', () => {
  const stack = new Stack(new App(), 'test');
  const made = new CodeArtifactStack(stack, 'Packages', LEAST);
  const outputs = Object.entries(made).filter(([, value]) => typeof value === 'string');
  const attributes = outputs.map(([name, value]) => {
    const reference = stack.resolve(value) as Record<string, [string, string]>;
    const attribute = reference['Fn::GetAtt']?.[1] ?? '';
    assert.equal(attribute, name[0]?.toUpperCase() + name.slice(1));
    return attribute;
  });
  const page = readFileSync(new URL('../../../docs/reference.md', import.meta.url), 'utf8');
  const table = /^## Outputs$(.*?)^## /ms.exec(page)?.[1] ?? '';
  const rows = table.split('\n').filter((line) => line.startsWith('| `'));
  const documented = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name));
  assert.deepEqual(attributes.sort(), documented.sort());
});

test('a login needs a token of this domain, and a bearer token for CodeArtifact alone', () => {
  const template = synthesized({}, (made) => {
    made.grantLogin(new iam.Role(made, 'Builds', { assumedBy: new iam.ServicePrincipal('codebuild.amazonaws.com') }));
  });
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [
        {
          Action: 'codeartifact:GetAuthorizationToken',
          Effect: 'Allow',
          Resource: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Packages'), 'DomainArn'] },
        },
        {
          Action: 'sts:GetServiceBearerToken',
          Condition: { StringEquals: { 'sts:AWSServiceName': 'codeartifact.amazonaws.com' } },
          Effect: 'Allow',
          Resource: '*',
        },
      ],
    },
  });
});
