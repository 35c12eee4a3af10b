import { CustomResource, Duration, TagManager, TagType, type ITaggableV2 } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

export const EXTERNAL_CONNECTIONS = [
  'public:npmjs',
  'public:pypi',
  'public:nuget-org',
  'public:maven-central',
  'public:maven-googleandroid',
  'public:maven-gradleplugins',
  'public:maven-commonsware',
  'public:maven-clojars',
  'public:ruby-gems-org',
  'public:crates-io',
] as const;
export type ExternalConnection = (typeof EXTERNAL_CONNECTIONS)[number];

export const PACKAGE_FORMATS = ['npm', 'pypi', 'maven', 'nuget', 'generic', 'ruby', 'swift', 'cargo'] as const;
export type PackageFormat = (typeof PACKAGE_FORMATS)[number];

export const ENDPOINT_TYPES = ['ipv4', 'dualstack'] as const;
export type EndpointType = (typeof ENDPOINT_TYPES)[number];

export const DELETION_MODES = ['Delete', 'RetainIfNotEmpty', 'Retain'] as const;
export type DeletionMode = (typeof DELETION_MODES)[number];

/** Account ids, or ARNs of IAM users, roles or roots. */
export interface Access {
  readonly publishers?: string[];
  /** `["*"]` is everyone in the organization. */
  readonly readers?: string[];
  readonly organizationId?: string;
}

/** Account ids, or ARNs of IAM users, roles or roots. */
export interface DomainAccess {
  /** `["*"]` is everyone in the organization. */
  readonly principals?: string[];
  readonly organizationId?: string;
}

/** The properties of `Custom::CodeArtifactStack`, each under its own name with a small first letter. */
export interface CodeArtifactStackProps {
  /** ARN of the function, or the `serviceToken` of a `Provider` before it. */
  readonly serviceToken: string;
  readonly domainName: string;
  /** A key's ARN, not an alias. Required, unless `domainOwner` names another account. */
  readonly kmsKeyArn?: string;
  readonly domainOwner?: string;
  readonly repositoryName: string;
  readonly repositoryDescription?: string;
  /** One connection makes the proxy `NAME-upstream`, a list makes `NAME-upstream-CONNECTION` for each. */
  readonly externalConnection?: ExternalConnection | ExternalConnection[];
  readonly upstreams?: string[];
  /** The neighbours' repositories that may have this one as an upstream; `["*"]` is every one in the domain. */
  readonly downstreams?: string[];
  readonly domainPolicyDocument?: iam.PolicyDocument;
  /** Writes the domain's policy: who may get a token; cannot be combined with `domainPolicyDocument`. */
  readonly domainAccess?: DomainAccess;
  readonly repositoryPolicyDocument?: iam.PolicyDocument;
  /** `Tags.of(scope).add` reaches the stack too, and wins. */
  readonly tags?: Record<string, string>;
  readonly endpointFormats?: PackageFormat[];
  readonly endpointType?: EndpointType;
  readonly adoptExisting?: boolean;
  readonly deletionMode?: DeletionMode;
  /** Package groups, such as `/npm/payments/*`. */
  readonly internalPackages?: string[];
  /** Package groups that block in the whole domain, such as `/npm//event-stream$`. */
  readonly blockedPackages?: string[];
  /** Writes the repository's policy; cannot be combined with `repositoryPolicyDocument`. */
  readonly access?: Access;
  /** A new value makes CloudFormation send an update, which repairs drift. */
  readonly refresh?: string;
}

/** A KMS-encrypted CodeArtifact domain, its public proxies, a repository, their policies and package groups. */
export class CodeArtifactStack extends Construct implements ITaggableV2 {
  readonly cdkTagManager: TagManager;
  readonly domainName: string;
  readonly domainArn: string;
  readonly domainOwner: string;
  readonly domainEncryptionKey: string;
  /** ARN of the bucket that holds the packages. */
  readonly domainS3BucketArn: string;
  readonly repositoryName: string;
  readonly repositoryArn: string;
  /** The proxies' names, separated by commas. */
  readonly upstreamRepositoryName: string;
  /** ARNs of the package groups, separated by commas. */
  readonly internalPackageGroups: string;
  // An endpoint is empty, unless its format is among `endpointFormats`; without those it is one of the external
  // connections' or of `internalPackages`, or any if there is no external connection.
  readonly npmEndpoint: string;
  readonly pypiEndpoint: string;
  readonly mavenEndpoint: string;
  readonly nugetEndpoint: string;
  readonly genericEndpoint: string;
  readonly rubyEndpoint: string;
  readonly swiftEndpoint: string;
  readonly cargoEndpoint: string;

  constructor(scope: Construct, id: string, props: CodeArtifactStackProps) {
    super(scope, id);
    const { serviceToken, tags, ...rest } = props;
    this.cdkTagManager = new TagManager(TagType.MAP, 'Custom::CodeArtifactStack', tags);
    const resource = new CustomResource(this, 'Resource', {
      resourceType: 'Custom::CodeArtifactStack',
      serviceToken,
      // The function has five minutes: without this CloudFormation would wait an hour for one that is gone.
      serviceTimeout: Duration.seconds(330),
      properties: { ...capitalized(rest), Tags: this.cdkTagManager.renderedTags },
    });

    this.domainName = resource.getAttString('DomainName');
    this.domainArn = resource.getAttString('DomainArn');
    this.domainOwner = resource.getAttString('DomainOwner');
    this.domainEncryptionKey = resource.getAttString('DomainEncryptionKey');
    this.domainS3BucketArn = resource.getAttString('DomainS3BucketArn');
    this.repositoryName = resource.getAttString('RepositoryName');
    this.repositoryArn = resource.getAttString('RepositoryArn');
    this.upstreamRepositoryName = resource.getAttString('UpstreamRepositoryName');
    this.internalPackageGroups = resource.getAttString('InternalPackageGroups');
    this.npmEndpoint = resource.getAttString('NpmEndpoint');
    this.pypiEndpoint = resource.getAttString('PypiEndpoint');
    this.mavenEndpoint = resource.getAttString('MavenEndpoint');
    this.nugetEndpoint = resource.getAttString('NugetEndpoint');
    this.genericEndpoint = resource.getAttString('GenericEndpoint');
    this.rubyEndpoint = resource.getAttString('RubyEndpoint');
    this.swiftEndpoint = resource.getAttString('SwiftEndpoint');
    this.cargoEndpoint = resource.getAttString('CargoEndpoint');
  }

  /** Lets a principal of the domain's account log in. What it may do then, `access` or the repository's policy says. */
  grantLogin(grantee: iam.IGrantable): void {
    const principal = grantee.grantPrincipal;
    principal.addToPrincipalPolicy(
      new iam.PolicyStatement({ actions: ['codeartifact:GetAuthorizationToken'], resources: [this.domainArn] }),
    );
    // This action has no resource type: the condition is what limits it.
    principal.addToPrincipalPolicy(
      new iam.PolicyStatement({
        actions: ['sts:GetServiceBearerToken'],
        resources: ['*'],
        conditions: { StringEquals: { 'sts:AWSServiceName': 'codeartifact.amazonaws.com' } },
      }),
    );
  }
}

/** The names as the function knows them: of the properties, and of the members of `access` and `domainAccess`. */
function capitalized(props: Omit<CodeArtifactStackProps, 'serviceToken' | 'tags'>): Record<string, unknown> {
  const { access, domainAccess, ...rest } = props;
  const named = (part: object) =>
    Object.fromEntries(Object.entries(part).map(([name, value]) => [name[0]?.toUpperCase() + name.slice(1), value]));
  return {
    ...named(rest),
    ...(access && { Access: named(access) }),
    ...(domainAccess && { DomainAccess: named(domainAccess) }),
  };
}
