import { CfnOutput, Fn, Stack, Tags } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Provider } from 'aws-cdk-lib/custom-resources';
import type { Construct } from 'constructs';
import { CodeArtifactFunction } from './codeartifact-function.ts';
import { CodeArtifactStack, type CodeArtifactStackProps } from './codeartifact-stack.ts';

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
  readonly serviceToken: string;
  readonly key: kms.Key;

  constructor(scope: Construct, id: string, props: PlatformProps) {
    super(scope, id);
    this.serviceToken = this.functionFrom(props);
    // Its policy leaves access to IAM, where the function's role has what it needs. It outlives this stack.
    this.key = new kms.Key(this, 'Key', {
      description: `Encrypts the CodeArtifact domain ${DOMAIN}`,
      enableKeyRotation: true,
    });
  }

  private functionFrom({ source, zip, architecture }: PlatformProps): string {
    if (source === 'imported') {
      return Fn.importValue('codeartifact-stack-ServiceToken');
    }
    const built = new CodeArtifactFunction(this, 'CodeArtifact', {
      zip,
      architecture: architecture === 'x86_64' ? lambda.Architecture.X86_64 : lambda.Architecture.ARM_64,
      domainNamePattern: 'kloudvin-*',
      responseMode: source === 'provider' ? 'return' : 'auto',
    });
    return source === 'provider'
      ? new Provider(this, 'Provider', { onEventHandler: built.function }).serviceToken
      : built.function.functionArn;
  }
}

export interface SquadProps extends Required<Pick<CodeArtifactStackProps, 'externalConnection' | 'internalPackages'>> {
  readonly platform: Platform;
  readonly squad: string;
  /** Accounts that may read what the squad publishes. */
  readonly readers?: string[];
}

/** A squad's: its repository in the company's domain, and the role of the builds that publish to it. */
export class Squad extends Stack {
  constructor(scope: Construct, id: string, props: SquadProps) {
    super(scope, id);
    const { platform, squad, readers = [], externalConnection, internalPackages } = props;
    const builds = new iam.Role(this, 'Builds', {
      assumedBy: new iam.ServicePrincipal('codebuild.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
    });
    // `-c refresh=` with a new value: each squad's stack is updated, and what drifted is repaired.
    const refresh: unknown = this.node.tryGetContext('refresh');
    const packages = new CodeArtifactStack(this, 'Packages', {
      serviceToken: platform.serviceToken,
      domainName: DOMAIN,
      kmsKeyArn: platform.key.keyArn,
      repositoryName: `team-${squad}`,
      externalConnection,
      internalPackages,
      access: { publishers: [builds.roleArn], readers: [builds.roleArn, ...readers] },
      deletionMode: 'RetainIfNotEmpty',
      ...(typeof refresh === 'string' && { refresh }),
    });
    packages.grantLogin(builds);
    Tags.of(this).add('squad', squad);

    new CfnOutput(this, 'RepositoryArn', { value: packages.repositoryArn });
    new CfnOutput(this, 'NpmEndpoint', { value: packages.npmEndpoint });
    new CfnOutput(this, 'PypiEndpoint', { value: packages.pypiEndpoint });
    new CfnOutput(this, 'MavenEndpoint', { value: packages.mavenEndpoint });
    new CfnOutput(this, 'InternalPackageGroups', { value: packages.internalPackageGroups });
  }
}
