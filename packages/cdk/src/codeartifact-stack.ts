import {
  CustomResource,
  Duration,
  Fn,
  Lazy,
  RemovalPolicy,
  Resource,
  Stack,
  TagManager,
  TagType,
  type IResource,
  type ITaggableV2,
} from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { DeletionMode, type EndpointType, type ExternalConnection, type PackageFormat } from './choices';
import type { ICodeArtifactFunction } from './codeartifact-function';
import type { Refresh } from './refresh';

const TYPE = 'Custom::CodeArtifactStack';
// What `Access` lets readers and publishers do: the lists of the function's src/properties/access.rs.
const READ = [
  'codeartifact:DescribePackageVersion',
  'codeartifact:DescribeRepository',
  'codeartifact:GetPackageVersionReadme',
  'codeartifact:GetRepositoryEndpoint',
  'codeartifact:ListPackageVersionAssets',
  'codeartifact:ListPackageVersionDependencies',
  'codeartifact:ListPackageVersions',
  'codeartifact:ListPackages',
  'codeartifact:ReadFromRepository',
];
const PUBLISH = ['codeartifact:PublishPackageVersion', 'codeartifact:PutPackageMetadata'];

/** Who may publish and who may read: account ids, or ARNs of IAM users, roles or roots. */
export interface Access {
  /**
   * Who may publish, and read.
   * @default - nobody
   */
  readonly publishers?: string[];
  /**
   * Who may read; `["*"]` is everyone in the organization.
   * @default - nobody but publishers
   */
  readonly readers?: string[];
  /**
   * The organization that everyone named must be in.
   * @default - none
   */
  readonly organizationId?: string;
}

/** Who may get a token: account ids, or ARNs of IAM users, roles or roots. */
export interface DomainAccess {
  /**
   * Who may; `["*"]` is everyone in the organization.
   * @default - nobody
   */
  readonly principals?: string[];
  /**
   * The organization that everyone named must be in.
   * @default - none
   */
  readonly organizationId?: string;
}

/** What `Custom::CodeArtifactStack` is told. The names are those of its properties, unless it says so. */
export interface CodeArtifactStackProps {
  /** Who serves the resource (`ServiceToken`). */
  readonly handler: ICodeArtifactFunction;
  /** The domain. Another one is a replacement. */
  readonly domainName: string;
  /** The repository that builds log in to. Another one is a replacement. */
  readonly repositoryName: string;
  /**
   * The key that the domain is encrypted with (`KmsKeyArn`). It cannot change.
   * @default - none, which is right for the domain of another account only
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * The account that the domain belongs to.
   * @default - the function's
   */
  readonly domainOwner?: string;
  /**
   * What the repository is for.
   * @default "Managed by CloudFormation"
   */
  readonly repositoryDescription?: string;
  /**
   * One registry to fetch from, through the proxy `NAME-upstream`.
   * @default - none
   */
  readonly externalConnection?: ExternalConnection;
  /**
   * Registries to fetch from, through a proxy `NAME-upstream-CONNECTION` for each (`ExternalConnection` as a list).
   * @default - none
   */
  readonly externalConnections?: ExternalConnection[];
  /**
   * Repositories of the domain, in order of priority; the proxies come after them.
   * @default - none
   */
  readonly upstreams?: string[];
  /**
   * The neighbours' repositories that may have this one as an upstream; `["*"]` is every one in the domain.
   * @default - none
   */
  readonly downstreams?: string[];
  /**
   * The domain's policy.
   * @default - not managed
   */
  readonly domainPolicyDocument?: iam.PolicyDocument;
  /**
   * Writes the domain's policy. Cannot be combined with `domainPolicyDocument`.
   * @default - not managed
   */
  readonly domainAccess?: DomainAccess;
  /**
   * The repository's policy.
   * @default - not managed
   */
  readonly repositoryPolicyDocument?: iam.PolicyDocument;
  /**
   * Writes the repository's policy. Cannot be combined with `repositoryPolicyDocument`.
   * @default - what `grantRead` and `grantPublish` ask for
   */
  readonly access?: Access;
  /**
   * Package groups that may come from this repository only, such as `/npm/payments/*`.
   * @default - none
   */
  readonly internalPackages?: string[];
  /**
   * Package groups that no repository of the domain takes in, such as `/npm//event-stream$`.
   * @default - none
   */
  readonly blockedPackages?: string[];
  /**
   * Tags on the repositories, the package groups, and the domain if this stack created it.
   * `Tags.of(scope).add` reaches the stack too, and wins.
   * @default - none
   */
  readonly tags?: { [key: string]: string };
  /**
   * The formats to look up endpoints for.
   * @default - those of the connections and of `internalPackages`; all if there is no connection
   */
  readonly endpointFormats?: PackageFormat[];
  /**
   * Which kind of endpoint the attributes give.
   * @default EndpointType.IPV4
   */
  readonly endpointType?: EndpointType;
  /**
   * Adopt what exists and is unowned.
   * @default false
   */
  readonly adoptExisting?: boolean;
  /**
   * What happens to the repositories when the stack goes.
   * @default - `removalPolicy` says it, or else the function's `DefaultDeletionMode`
   */
  readonly deletionMode?: DeletionMode;
  /**
   * CDK's word for `deletionMode`: `DESTROY` is `DELETE`, `RETAIN` is `RETAIN`. Cannot be combined with it.
   * @default - `deletionMode` says it
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * When drift is repaired although nothing has changed.
   * @default - never
   */
  readonly refresh?: Refresh;
}

/** A repository of a domain, and who may use it. */
export interface ICodeArtifactStack extends IResource {
  /** The domain's name. @attribute */
  readonly domainName: string;
  /** The account that the domain belongs to. @attribute */
  readonly domainOwner: string;
  /** The domain's ARN. @attribute */
  readonly domainArn: string;
  /** The primary repository's name. @attribute */
  readonly repositoryName: string;
  /** The primary repository's ARN. @attribute */
  readonly repositoryArn: string;
  /** Lets a principal log in and read. */
  grantRead(grantee: iam.IGrantable): iam.Grant;
  /** Lets a principal log in, read and publish. */
  grantPublish(grantee: iam.IGrantable): iam.Grant;
  /** Lets a principal log in. What it may do then, the other grants say, or the repository's policy. */
  grantLogin(grantee: iam.IGrantable): iam.Grant;
}

abstract class CodeArtifactStackBase extends Resource implements ICodeArtifactStack {
  public abstract readonly domainName: string;
  public abstract readonly domainOwner: string;
  public abstract readonly domainArn: string;
  public abstract readonly repositoryName: string;
  public abstract readonly repositoryArn: string;

  public grantRead(grantee: iam.IGrantable): iam.Grant {
    return this.grantLogin(grantee).combine(this.grant(grantee, READ, 'readers'));
  }

  public grantPublish(grantee: iam.IGrantable): iam.Grant {
    return this.grantLogin(grantee).combine(this.grant(grantee, [...READ, ...PUBLISH], 'publishers'));
  }

  public grantLogin(grantee: iam.IGrantable): iam.Grant {
    const actions = ['codeartifact:GetAuthorizationToken'];
    const login = iam.Grant.addToPrincipal({ grantee, actions, resourceArns: [this.domainArn] });
    // This action has no resource type: the condition is what limits it.
    return login.combine(
      iam.Grant.addToPrincipal({
        grantee,
        actions: ['sts:GetServiceBearerToken'],
        resourceArns: ['*'],
        conditions: { StringEquals: { 'sts:AWSServiceName': 'codeartifact.amazonaws.com' } },
      }),
    );
  }

  /** Lets in, by the repository's policy, a principal whose own policies do not suffice. */
  protected abstract letIn(principals: string[], list: 'readers' | 'publishers'): void;

  private grant(grantee: iam.IGrantable, actions: string[], list: 'readers' | 'publishers'): iam.Grant {
    const packages = Stack.of(this).formatArn({
      service: 'codeartifact',
      account: this.domainOwner,
      resource: 'package',
      resourceName: `${this.domainName}/${this.repositoryName}/*`,
    });
    return iam.Grant.addToPrincipalOrResource({
      grantee,
      actions,
      resourceArns: [this.repositoryArn, packages],
      resource: {
        env: this.env,
        addToResourcePolicy: (statement) => {
          this.letIn(principalsOf(statement), list);
          return { statementAdded: true, policyDependable: this };
        },
      },
    });
  }
}

/**
 * A KMS-encrypted CodeArtifact domain, its public proxies, a repository, their policies and package groups.
 *
 * @resource AWS::CloudFormation::CustomResource
 */
export class CodeArtifactStack extends CodeArtifactStackBase implements ITaggableV2 {
  /** A repository that is there already. Principals of other accounts are not granted anything on it. */
  public static fromRepositoryArn(scope: Construct, id: string, repositoryArn: string): ICodeArtifactStack {
    const [domainName, repositoryName] = [1, 2].map((part) => Fn.select(part, Fn.split('/', repositoryArn)));
    const [partition, region, domainOwner] = [1, 3, 4].map((part) => Fn.select(part, Fn.split(':', repositoryArn)));
    class Import extends CodeArtifactStackBase {
      public readonly domainName = domainName;
      public readonly domainOwner = domainOwner;
      public readonly domainArn = `arn:${partition}:codeartifact:${region}:${domainOwner}:domain/${domainName}`;
      public readonly repositoryName = repositoryName;
      public readonly repositoryArn = repositoryArn;

      protected letIn(): void {
        // The policy is not ours.
      }
    }
    return new Import(scope, id, { environmentFromArn: repositoryArn });
  }

  public readonly cdkTagManager: TagManager;
  public readonly domainName: string;
  public readonly domainArn: string;
  public readonly domainOwner: string;
  /** ARN of the domain's key. */
  public readonly domainEncryptionKey: string;
  /** ARN of the bucket that holds the packages. */
  public readonly domainS3BucketArn: string;
  public readonly repositoryName: string;
  public readonly repositoryArn: string;
  /** The proxies' names, separated by commas. */
  public readonly upstreamRepositoryName: string;
  /** ARNs of the package groups, separated by commas. */
  public readonly internalPackageGroups: string;
  /** URL for npm, empty if the format is not among those that are looked up. */
  public readonly npmEndpoint: string;
  /** URL for PyPI's clients, empty if the format is not among those that are looked up. */
  public readonly pypiEndpoint: string;
  /** URL for Maven and Gradle, empty if the format is not among those that are looked up. */
  public readonly mavenEndpoint: string;
  /** URL for NuGet, empty if the format is not among those that are looked up. */
  public readonly nugetEndpoint: string;
  /** URL for generic packages, empty if the format is not among those that are looked up. */
  public readonly genericEndpoint: string;
  /** URL for gem and Bundler, empty if the format is not among those that are looked up. */
  public readonly rubyEndpoint: string;
  /** URL for Swift, empty if the format is not among those that are looked up. */
  public readonly swiftEndpoint: string;
  /** URL for Cargo, empty if the format is not among those that are looked up. */
  public readonly cargoEndpoint: string;

  private readonly upstreams: string[];
  private readonly internalPackages: string[];
  private readonly blockedPackages: string[];
  private readonly access: Access;
  private readonly letInTo: { readers: Set<string>; publishers: Set<string> };
  private readonly repositoryPolicyDocument?: iam.PolicyDocument;
  private readonly resource: CustomResource;
  private deletionMode?: DeletionMode;

  constructor(scope: Construct, id: string, props: CodeArtifactStackProps) {
    super(scope, id);
    if (props.externalConnection && props.externalConnections) {
      throw new Error('Give externalConnection or externalConnections, not both: the proxies are called differently');
    }
    if (props.deletionMode && props.removalPolicy) {
      throw new Error('Give deletionMode or removalPolicy, not both');
    }
    this.cdkTagManager = new TagManager(TagType.MAP, TYPE, props.tags);
    this.upstreams = [...(props.upstreams ?? [])];
    this.internalPackages = [...(props.internalPackages ?? [])];
    this.blockedPackages = [...(props.blockedPackages ?? [])];
    this.access = props.access ?? {};
    this.letInTo = { readers: new Set(this.access.readers), publishers: new Set(this.access.publishers) };
    this.repositoryPolicyDocument = props.repositoryPolicyDocument;
    this.deletionMode = props.deletionMode;
    if (props.removalPolicy) {
      this.applyRemovalPolicy(props.removalPolicy);
    }

    this.resource = new CustomResource(this, 'Resource', {
      resourceType: TYPE,
      serviceToken: props.handler.serviceToken,
      // The function has five minutes: without this CloudFormation would wait an hour for one that is gone.
      serviceTimeout: Duration.seconds(330),
      properties: {
        DomainName: props.domainName,
        KmsKeyArn: props.encryptionKey?.keyArn,
        DomainOwner: props.domainOwner,
        RepositoryName: props.repositoryName,
        RepositoryDescription: props.repositoryDescription,
        ExternalConnection: props.externalConnection ?? props.externalConnections,
        Upstreams: Lazy.list({ produce: () => this.upstreams }, { omitEmpty: true }),
        Downstreams: props.downstreams,
        DomainPolicyDocument: props.domainPolicyDocument,
        DomainAccess: props.domainAccess && {
          Principals: props.domainAccess.principals,
          OrganizationId: props.domainAccess.organizationId,
        },
        RepositoryPolicyDocument: props.repositoryPolicyDocument,
        Access: Lazy.any({ produce: () => this.renderAccess() }),
        InternalPackages: Lazy.list({ produce: () => this.internalPackages }, { omitEmpty: true }),
        BlockedPackages: Lazy.list({ produce: () => this.blockedPackages }, { omitEmpty: true }),
        Tags: this.cdkTagManager.renderedTags,
        EndpointFormats: props.endpointFormats,
        EndpointType: props.endpointType,
        AdoptExisting: props.adoptExisting,
        DeletionMode: Lazy.string({ produce: () => this.deletionMode }),
        Refresh: props.refresh?.value,
      },
    });

    this.domainName = this.resource.getAttString('DomainName');
    this.domainArn = this.resource.getAttString('DomainArn');
    this.domainOwner = this.resource.getAttString('DomainOwner');
    this.domainEncryptionKey = this.resource.getAttString('DomainEncryptionKey');
    this.domainS3BucketArn = this.resource.getAttString('DomainS3BucketArn');
    this.repositoryName = this.resource.getAttString('RepositoryName');
    this.repositoryArn = this.resource.getAttString('RepositoryArn');
    this.upstreamRepositoryName = this.resource.getAttString('UpstreamRepositoryName');
    this.internalPackageGroups = this.resource.getAttString('InternalPackageGroups');
    this.npmEndpoint = this.resource.getAttString('NpmEndpoint');
    this.pypiEndpoint = this.resource.getAttString('PypiEndpoint');
    this.mavenEndpoint = this.resource.getAttString('MavenEndpoint');
    this.nugetEndpoint = this.resource.getAttString('NugetEndpoint');
    this.genericEndpoint = this.resource.getAttString('GenericEndpoint');
    this.rubyEndpoint = this.resource.getAttString('RubyEndpoint');
    this.swiftEndpoint = this.resource.getAttString('SwiftEndpoint');
    this.cargoEndpoint = this.resource.getAttString('CargoEndpoint');
  }

  /** One more upstream, after those that are there. Its own stack must let this repository in by `downstreams`. */
  public addUpstream(upstream: ICodeArtifactStack): void {
    this.upstreams.push(upstream.repositoryName);
  }

  /** More package groups that may come from this repository only. */
  public addInternalPackages(...patterns: string[]): void {
    this.internalPackages.push(...patterns);
  }

  /** More package groups that no repository of the domain takes in. */
  public addBlockedPackages(...patterns: string[]): void {
    this.blockedPackages.push(...patterns);
  }

  /** Sets the `DeletionMode`. CloudFormation always sends the Delete, so that what is kept can be adopted later. */
  public applyRemovalPolicy(policy: RemovalPolicy): void {
    if (policy === RemovalPolicy.SNAPSHOT) {
      throw new Error('A repository has no snapshots: use DESTROY or RETAIN');
    }
    this.deletionMode = policy === RemovalPolicy.DESTROY ? DeletionMode.DELETE : DeletionMode.RETAIN;
  }

  protected letIn(principals: string[], list: 'readers' | 'publishers'): void {
    if (this.repositoryPolicyDocument) {
      throw new Error(`repositoryPolicyDocument must let in ${principals.join(', ')} itself`);
    }
    principals.forEach((principal) => this.letInTo[list].add(principal));
  }

  private renderAccess(): object | undefined {
    const [publishers, readers] = [[...this.letInTo.publishers], [...this.letInTo.readers]];
    const access = {
      Publishers: publishers.length ? publishers : undefined,
      Readers: readers.length ? readers : undefined,
      OrganizationId: this.access.organizationId,
    };
    return Object.values(access).some((value) => value !== undefined) ? access : undefined;
  }
}

function principalsOf(statement: iam.PolicyStatement): string[] {
  const named: unknown = statement.toStatementJson().Principal?.AWS;
  if (!named) {
    throw new Error('Only accounts, users and roles can be granted access to a repository');
  }
  return (Array.isArray(named) ? named : [named]) as string[];
}
