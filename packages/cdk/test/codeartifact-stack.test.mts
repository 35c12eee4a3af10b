import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { App, RemovalPolicy, Stack, Tags, type CfnResource } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as constructs from '../lib/index.js';
import type { Access, CodeArtifactStackProps, ICodeArtifactStack } from '../lib/index.js';

const { CodeArtifactFunction, CodeArtifactStack, Refresh } = constructs;
const { DeletionMode, EndpointType, ExternalConnection, PackageFormat } = constructs;
type Made = InstanceType<typeof CodeArtifactStack>;
type Props = Omit<CodeArtifactStackProps, 'handler' | 'encryptionKey'>;

const ROOT = process.env['CODEARTIFACT_STACK_ROOT'] ?? join(import.meta.dirname, '../../..');
const TYPE = 'Custom::CodeArtifactStack';
const SERVICE_TOKEN = 'arn:aws:lambda:eu-west-1:123456789012:function:codeartifact-stack';
const KEY = 'arn:aws:kms:eu-west-1:123456789012:key/1';
const ENV = { account: '123456789012', region: 'eu-west-1' };
const LEAST: Props = { domainName: 'kloudvin-pkgs', repositoryName: 'team-payments' };
const schema = JSON.parse(text('schema/properties.json'));

function text(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function make(props: Partial<Props & { key: string }> = {}): { stack: Stack; made: Made } {
  const stack = new Stack(new App(), 'test', { env: ENV });
  const handler = CodeArtifactFunction.fromServiceToken(stack, 'CodeArtifact', SERVICE_TOKEN);
  const { key, ...rest } = props;
  const encryptionKey = key ? kms.Key.fromKeyArn(stack, 'Key', key) : undefined;
  return { stack, made: new CodeArtifactStack(stack, 'Packages', { handler, encryptionKey, ...LEAST, ...rest }) };
}

function properties(stack: Stack): Record<string, any> {
  const [resource] = Object.values(Template.fromStack(stack).findResources(TYPE));
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
const ALL: Required<Omit<Props, 'externalConnection' | 'removalPolicy'>> = {
  ...LEAST,
  domainOwner: '123456789012',
  repositoryDescription: 'What payments builds with',
  externalConnections: [ExternalConnection.NPMJS, ExternalConnection.PYPI],
  upstreams: ['shared'],
  downstreams: ['team-orders'],
  domainPolicyDocument: document(),
  domainAccess: { principals: ['*'], organizationId: 'o-abcdefghij' },
  repositoryPolicyDocument: document(),
  tags: { squad: 'payments' },
  endpointFormats: [PackageFormat.NPM, PackageFormat.CARGO],
  endpointType: EndpointType.DUALSTACK,
  adoptExisting: true,
  deletionMode: DeletionMode.RETAIN,
  internalPackages: ['/npm/payments/*'],
  blockedPackages: ['/npm//event-stream$'],
  access: { publishers: ['123456789012'], readers: ['*'], organizationId: 'o-abcdefghij' } satisfies Required<Access>,
  refresh: Refresh.when('1767225600'),
};

test('the construct has the properties of the schema, and their values', () => {
  const named = properties(make({ ...ALL, key: KEY }).stack);
  assert.deepEqual(Object.keys(named).sort(), Object.keys(schema.properties).sort());
  for (const part of ['Access', 'DomainAccess']) {
    assert.deepEqual(Object.keys(named[part]).sort(), Object.keys(schema.$defs[part].properties).sort());
  }
  assert.deepEqual(Object.values(ExternalConnection), schema.$defs.ExternalConnection.enum);
  assert.deepEqual(Object.values(PackageFormat), schema.$defs.Format.enum);
  assert.deepEqual(Object.values(EndpointType), schema.$defs.EndpointType.enum);
  assert.deepEqual(Object.values(DeletionMode), schema.$defs.DeletionMode.enum);
});

test('every property reaches the function under its own name', () => {
  const statement = {
    Action: 'codeartifact:GetAuthorizationToken',
    Effect: 'Allow',
    Principal: { AWS: 'arn:aws:iam::123456789012:role/builds' },
    Resource: '*',
  };
  const policy = { Statement: [statement], Version: '2012-10-17' };
  assert.deepEqual(properties(make({ ...ALL, key: KEY }).stack), {
    ServiceToken: SERVICE_TOKEN,
    ServiceTimeout: '330',
    DomainName: 'kloudvin-pkgs',
    KmsKeyArn: KEY,
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
  assert.deepEqual(properties(make().stack), {
    ServiceToken: SERVICE_TOKEN,
    ServiceTimeout: '330',
    DomainName: 'kloudvin-pkgs',
    RepositoryName: 'team-payments',
  });
});

test('a construct that is renamed can keep its logical id', () => {
  const { stack, made } = make();
  const resource = made.node.findChild('Resource').node.defaultChild as CfnResource;
  resource.overrideLogicalId('Kept');
  assert.deepEqual(Object.keys(Template.fromStack(stack).findResources(TYPE)), ['Kept']);
});

test('one connection is a string, which decides what the proxy is called, and both are refused', () => {
  const one = { externalConnection: ExternalConnection.NPMJS };
  assert.equal(properties(make(one).stack)['ExternalConnection'], 'public:npmjs');
  assert.throws(() => make({ ...one, externalConnections: [ExternalConnection.PYPI] }), /not both/);
});

test('a removal policy is a deletion mode, and CloudFormation still sends the Delete', () => {
  for (const [policy, mode] of [
    [RemovalPolicy.DESTROY, 'Delete'],
    [RemovalPolicy.RETAIN, 'Retain'],
    [RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, 'Retain'],
  ] as const) {
    const { stack, made } = make();
    made.applyRemovalPolicy(policy);
    assert.equal(properties(stack)['DeletionMode'], mode);
    Template.fromStack(stack).hasResource(TYPE, { DeletionPolicy: 'Delete' });
    assert.equal(properties(make({ removalPolicy: policy }).stack)['DeletionMode'], mode);
  }
  assert.throws(() => make({ removalPolicy: RemovalPolicy.SNAPSHOT }), /snapshots/);
  assert.throws(() => make({ removalPolicy: RemovalPolicy.RETAIN, deletionMode: DeletionMode.DELETE }), /not both/);
});

test('tags of the app reach the stack too, and win, as they do elsewhere in CDK', () => {
  const { stack, made } = make({ tags: { squad: 'payments', tier: '1' } });
  Tags.of(made.node.root).add('squad', 'platform');
  Tags.of(made.node.root).add('company', 'kloudvin');
  assert.deepEqual(properties(stack)['Tags'], { squad: 'platform', tier: '1', company: 'kloudvin' });
});

test('packages and upstreams can be added later', () => {
  const { stack, made } = make({ internalPackages: ['/npm/payments/*'] });
  made.addInternalPackages('/npm//payments-*');
  made.addBlockedPackages('/npm//event-stream$', '/pypi//bad$');
  made.addUpstream(CodeArtifactStack.fromRepositoryArn(stack, 'Shared', arn('repository/kloudvin-pkgs/shared')));
  assert.deepEqual(properties(stack)['InternalPackages'], ['/npm/payments/*', '/npm//payments-*']);
  assert.deepEqual(properties(stack)['BlockedPackages'], ['/npm//event-stream$', '/pypi//bad$']);
  assert.deepEqual(properties(stack)['Upstreams'], ['shared']);
});

test('every output of the reference is an attribute of the same name', () => {
  const { stack, made } = make();
  const outputs = Object.entries(made).filter(([, value]) => typeof value === 'string' && /Token\[/.test(value));
  const named = outputs.filter(([name]) => !['physicalName'].includes(name));
  const attributes = named.map(([name, value]) => {
    const attribute = stack.resolve(value)?.['Fn::GetAtt']?.[1] ?? '';
    assert.equal(attribute, name[0]?.toUpperCase() + name.slice(1));
    return attribute;
  });
  const table = /^## Outputs$(.*?)^## /ms.exec(text('docs/reference.md'))?.[1] ?? '';
  const rows = table.split('\n').filter((line) => line.startsWith('| `'));
  const documented = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name));
  assert.deepEqual(attributes.sort(), documented.sort());
});

function arn(resource: string): string {
  return `arn:aws:codeartifact:eu-west-1:123456789012:${resource}`;
}

function granted(grant: (stack: ICodeArtifactStack, role: iam.Role) => void): any[] {
  const { stack } = make();
  const packages = CodeArtifactStack.fromRepositoryArn(stack, 'There', arn('repository/kloudvin-pkgs/shared'));
  grant(packages, new iam.Role(stack, 'Builds', { assumedBy: new iam.ServicePrincipal('codebuild.amazonaws.com') }));
  const [policy] = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
  return policy?.['Properties'].PolicyDocument.Statement;
}

test('a login needs a token of this domain, and a bearer token for CodeArtifact alone', () => {
  assert.deepEqual(
    granted((packages, role) => packages.grantLogin(role)),
    [
      { Action: 'codeartifact:GetAuthorizationToken', Effect: 'Allow', Resource: arn('domain/kloudvin-pkgs') },
      {
        Action: 'sts:GetServiceBearerToken',
        Condition: { StringEquals: { 'sts:AWSServiceName': 'codeartifact.amazonaws.com' } },
        Effect: 'Allow',
        Resource: '*',
      },
    ],
  );
});

test('who reads or publishes may do what Access would let them do, on this repository alone', () => {
  const lists = text('src/properties/access.rs');
  const rights = (name: string) =>
    [...(new RegExp(`^const ${name}: .*?= \\[(.*?)\\];`, 'ms').exec(lists)?.[1] ?? '').matchAll(/"(.*?)"/g)].map(
      ([, right]) => right,
    );
  const where = [arn('repository/kloudvin-pkgs/shared'), Match.anyValue()];
  const read = granted((packages, role) => packages.grantRead(role)).at(-1);
  const publish = granted((packages, role) => packages.grantPublish(role)).at(-1);
  assert.deepEqual(read.Action.toSorted(), rights('READ').toSorted());
  assert.deepEqual(publish.Action.toSorted(), [...rights('READ'), ...rights('PUBLISH')].toSorted());
  assert.equal(read.Resource[0], where[0]);
  assert.match(JSON.stringify(read.Resource[1]), /:codeartifact:eu-west-1:123456789012:package.kloudvin-pkgs.shared.\*/);
});

test('principals of other accounts get in by the repositorys own policy', () => {
  const { stack, made } = make({ access: { readers: ['111111111111'], organizationId: 'o-abcdefghij' } });
  made.grantRead(new iam.AccountPrincipal('210987654321'));
  made.grantPublish(new iam.ArnPrincipal('arn:aws:iam::210987654321:role/builds'));
  const { Readers, Publishers, OrganizationId } = properties(stack)['Access'];
  assert.deepEqual(Publishers, ['arn:aws:iam::210987654321:role/builds']);
  assert.match(JSON.stringify(Readers), /"111111111111",.*:iam::210987654321:root/);
  assert.equal(OrganizationId, 'o-abcdefghij');
  assert.throws(() => made.grantRead(new iam.ServicePrincipal('codebuild.amazonaws.com')), /Only accounts/);
  const stated = make({ repositoryPolicyDocument: document() }).made;
  assert.throws(() => stated.grantRead(new iam.AccountPrincipal('210987654321')), /must let in/);
});

test('a refresh is a value that changes as often as it is wanted', () => {
  assert.equal(Refresh.when('2').value, '2');
  assert.match(Refresh.daily().value, /^\d{4}-\d\d-\d\d$/);
  assert.match(Refresh.everyDeployment().value, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test('a build that is not in the package is asked for', () => {
  const stack = new Stack(new App(), 'test');
  assert.throws(() => new CodeArtifactFunction(stack, 'CodeArtifact', { zip: '/nowhere.zip' }), /name one with "zip"/);
});
