import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { App } from 'aws-cdk-lib';
import { Capture, Match, Template } from 'aws-cdk-lib/assertions';
import { ExternalConnection } from 'cdk-codeartifact-stack';
import { Platform, Squad, type FunctionSource } from '../lib/stacks.ts';

const folder = mkdtempSync(join(tmpdir(), 'cdk-'));
const zip = join(folder, 'bootstrap.zip');
writeFileSync(zip, 'what the build made');
after(() => rmSync(folder, { recursive: true }));

function made(source: FunctionSource, architecture?: string, context: Record<string, string> = {}) {
  const app = new App({ context: { '@aws-cdk/core:defaultCrossStackReferences': 'strong', ...context } });
  const platform = new Platform(app, 'platform', { source, zip, architecture });
  const squads = ['payments', 'ledger'].map(
    (squad) =>
      new Squad(app, `${squad}-packages`, { platform, squad, connections: [ExternalConnection.NPMJS], internalPackages: [] }),
  );
  return { platform: Template.fromStack(platform), squads: squads.map((stack) => Template.fromStack(stack)) };
}

function property(template: Template, name: string): unknown {
  const capture = new Capture();
  template.hasResourceProperties('Custom::CodeArtifactStack', { [name]: capture });
  return JSON.parse(JSON.stringify(capture._captured[0]));
}

test('squads share the domain and its key, and nothing else', () => {
  const { platform, squads } = made('imported');
  platform.hasResource('AWS::KMS::Key', {
    Properties: { EnableKeyRotation: true },
    DeletionPolicy: 'Retain',
  });
  const [payments, ledger] = squads as [Template, Template];
  for (const shared of ['DomainName', 'KmsKeyArn', 'ServiceToken']) {
    assert.deepEqual(property(payments, shared), property(ledger, shared));
  }
  assert.equal(property(payments, 'RepositoryName'), 'team-payments');
  assert.equal(property(ledger, 'RepositoryName'), 'team-ledger');
});

test('a refresh reaches each squad, and is left out if nobody asks for one', () => {
  for (const template of made('imported', undefined, { refresh: '1767225600' }).squads) {
    assert.equal(property(template, 'Refresh'), '1767225600');
  }
  for (const template of made('imported').squads) {
    template.hasResourceProperties('Custom::CodeArtifactStack', { Refresh: Match.absent() });
  }
});

test('an imported function is the one that SAM deployed', () => {
  const { platform, squads } = made('imported');
  platform.resourceCountIs('AWS::Serverless::Function', 0);
  assert.deepEqual(property(squads[0]!, 'ServiceToken'), { 'Fn::ImportValue': 'codeartifact-stack-ServiceToken' });
});

test('a bundled function is the one of template.yaml, with the zip of the build', () => {
  const { platform, squads } = made('bundled', 'x86_64');
  platform.hasResourceProperties('AWS::Serverless::Function', {
    Architectures: ['x86_64'],
    CodeUri: { Bucket: Match.anyValue(), Key: Match.stringLikeRegexp('[.]zip$') },
    Environment: { Variables: { RESPONSE_MODE: 'auto' } },
    Role: { 'Fn::GetAtt': 'Role.Arn' },
  });
  platform.hasResourceProperties('AWS::IAM::Role', {
    Policies: Match.arrayWith([Match.objectLike({ PolicyName: 'codeartifact' })]),
  });
  assert.match(JSON.stringify(platform.toJSON()), /:domain\/kloudvin-\*/);
  assert.match(JSON.stringify(property(squads[0]!, 'ServiceToken')), /CodeArtifactTemplateFunction/);
});

test('behind a Provider the function returns its answer', () => {
  const { platform, squads } = made('provider');
  platform.hasResourceProperties('AWS::Serverless::Function', {
    Architectures: ['arm64'],
    Environment: { Variables: { RESPONSE_MODE: 'return' } },
  });
  platform.hasResourceProperties('AWS::Lambda::Function', {
    Handler: 'framework.onEvent',
    Environment: {
      Variables: {
        USER_ON_EVENT_FUNCTION_ARN: { 'Fn::GetAtt': [Match.stringLikeRegexp('CodeArtifactTemplateFunction'), 'Arn'] },
      },
    },
  });
  assert.match(JSON.stringify(property(squads[0]!, 'ServiceToken')), /ProviderframeworkonEvent/);
});
