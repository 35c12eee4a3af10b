import { CfnOutput, Stack, Tags } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Provider } from 'aws-cdk-lib/custom-resources';
import {
  CodeArtifactFunction,
  CodeArtifactStack,
  DeletionMode,
  Refresh,
  type ExternalConnection,
  type ICodeArtifactFunction,
} from 'cdk-codeartifact-stack';
import type { Construct } from 'constructs';

const DOMAIN = 'kloudvin-pkgs';

/**
 * `imported`: the stack `codeartifact-stack` is there already, deployed by SAM. `bundled`: the function is deployed here.
 * `provider`: it is deployed here, and a `Provider` answers CloudFormation in its place.
 */
export type FunctionSource = 'imported' | 'bundled' | 'provider';

export interface PlatformProps {
  readonly source: FunctionSource;
  readonly zip?: string;
  readonly architecture?: string;
}

/** The platform team's: the key of the domain, and the function where it is not there yet. */
export class Platform extends Stack {
  readonly handler: ICodeArtifactFunction;
  readonly key: kms.Key;

  constructor(scope: Construct, id: string, props: PlatformProps) {
    super(scope, id);
    this.handler = this.handlerFrom(props);
    // Its policy leaves access to IAM, where the function's role has what it needs. It outlives this stack.
    this.key = new kms.Key(this, 'Key', {
      description: `Encrypts the CodeArtifact domain ${DOMAIN}`,
      enableKeyRotation: true,
    });
  }

  private handlerFrom({ source, zip, architecture }: PlatformProps): ICodeArtifactFunction {
    if (source === 'imported') {
      return CodeArtifactFunction.fromExport(this, 'CodeArtifact');
    }
    const built = new CodeArtifactFunction(this, 'CodeArtifact', {
      zip,
      architecture: architecture === 'x86_64' ? lambda.Architecture.X86_64 : lambda.Architecture.ARM_64,
      returnsAnswer: source === 'provider',
      parameters: { DomainNamePattern: 'kloudvin-*' },
    });
    if (source === 'bundled') {
      return built;
    }
    const provider = new Provider(this, 'Provider', { onEventHandler: built.lambdaFunction });
    return CodeArtifactFunction.fromServiceToken(this, 'Provided', provider.serviceToken);
  }
}

export interface SquadProps {
  readonly platform: Platform;
  readonly squad: string;
  readonly connections: ExternalConnection[];
  readonly internalPackages: string[];
  /** Accounts that may read what the squad publishes. */
  readonly readers?: string[];
}

/** A squad's: its repository in the company's domain, and the role of the builds that publish to it. */
export class Squad extends Stack {
  constructor(scope: Construct, id: string, props: SquadProps) {
    super(scope, id);
    const { platform, squad, connections, internalPackages, readers = [] } = props;
    const builds = new iam.Role(this, 'Builds', {
      assumedBy: new iam.ServicePrincipal('codebuild.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
    });
    // `-c refresh=` with a new value: each squad's stack is updated, and what drifted is repaired.
    const refresh: unknown = this.node.tryGetContext('refresh');
    const packages = new CodeArtifactStack(this, 'Packages', {
      handler: platform.handler,
      domainName: DOMAIN,
      encryptionKey: platform.key,
      repositoryName: `team-${squad}`,
      // Of one registry the proxy is called NAME-upstream, of several each after its registry.
      ...(connections.length === 1 ? { externalConnection: connections[0] } : { externalConnections: connections }),
      internalPackages,
      deletionMode: DeletionMode.RETAIN_IF_NOT_EMPTY,
      ...(typeof refresh === 'string' && { refresh: Refresh.when(refresh) }),
    });
    packages.grantPublish(builds);
    for (const reader of readers) {
      packages.grantRead(new iam.AccountPrincipal(reader));
    }
    Tags.of(this).add('squad', squad);

    new CfnOutput(this, 'RepositoryArn', { value: packages.repositoryArn });
    new CfnOutput(this, 'NpmEndpoint', { value: packages.npmEndpoint });
    new CfnOutput(this, 'PypiEndpoint', { value: packages.pypiEndpoint });
    new CfnOutput(this, 'MavenEndpoint', { value: packages.mavenEndpoint });
    new CfnOutput(this, 'InternalPackageGroups', { value: packages.internalPackageGroups });
  }
}
