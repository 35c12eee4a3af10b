import { App } from 'aws-cdk-lib';
import { ExternalConnection } from 'cdk-codeartifact-stack';
import { Platform, Squad, type FunctionSource } from './lib/stacks.ts';

const app = new App();
const platform = new Platform(app, 'packages-platform', {
  // cdk -c function=bundled deploys the function too, -c function=provider puts a Provider before it.
  source: (app.node.tryGetContext('function') as FunctionSource | undefined) ?? 'imported',
  zip: app.node.tryGetContext('zip'),
  architecture: app.node.tryGetContext('architecture'),
});

new Squad(app, 'payments-packages', {
  platform,
  squad: 'payments',
  connections: [ExternalConnection.NPMJS],
  internalPackages: ['/npm/payments/*'],
  readers: ['210987654321'],
});
new Squad(app, 'ledger-packages', {
  platform,
  squad: 'ledger',
  connections: [ExternalConnection.PYPI],
  internalPackages: ['/pypi//ledger~'],
  readers: ['210987654321'],
});
new Squad(app, 'search-packages', {
  platform,
  squad: 'search',
  connections: [ExternalConnection.NPMJS, ExternalConnection.MAVEN_CENTRAL],
  internalPackages: ['/maven/com.kloudvin.search/*'],
});
