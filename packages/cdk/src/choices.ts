/** The public registries that a proxy can fetch from. */
export enum ExternalConnection {
  /** `public:npmjs` */
  NPMJS = 'public:npmjs',
  /** `public:pypi` */
  PYPI = 'public:pypi',
  /** `public:nuget-org` */
  NUGET_ORG = 'public:nuget-org',
  /** `public:maven-central` */
  MAVEN_CENTRAL = 'public:maven-central',
  /** `public:maven-googleandroid` */
  MAVEN_GOOGLE_ANDROID = 'public:maven-googleandroid',
  /** `public:maven-gradleplugins` */
  MAVEN_GRADLE_PLUGINS = 'public:maven-gradleplugins',
  /** `public:maven-commonsware` */
  MAVEN_COMMONSWARE = 'public:maven-commonsware',
  /** `public:maven-clojars` */
  MAVEN_CLOJARS = 'public:maven-clojars',
  /** `public:ruby-gems-org` */
  RUBY_GEMS_ORG = 'public:ruby-gems-org',
  /** `public:crates-io` */
  CRATES_IO = 'public:crates-io',
}

/** The formats of packages. */
export enum PackageFormat {
  /** `npm` */
  NPM = 'npm',
  /** `pypi` */
  PYPI = 'pypi',
  /** `maven` */
  MAVEN = 'maven',
  /** `nuget` */
  NUGET = 'nuget',
  /** `generic` */
  GENERIC = 'generic',
  /** `ruby` */
  RUBY = 'ruby',
  /** `swift` */
  SWIFT = 'swift',
  /** `cargo` */
  CARGO = 'cargo',
}

/** Which kind of endpoint the attributes give. */
export enum EndpointType {
  /** `ipv4` */
  IPV4 = 'ipv4',
  /** `dualstack` */
  DUALSTACK = 'dualstack',
}

/** What happens to the repositories that a stack created when it is deleted or replaced. */
export enum DeletionMode {
  /** They are deleted, with the packages in them. */
  DELETE = 'Delete',
  /** They are kept if the primary holds a package or a neighbour has it as an upstream, else deleted. */
  RETAIN_IF_NOT_EMPTY = 'RetainIfNotEmpty',
  /** They are kept. */
  RETAIN = 'Retain',
}
