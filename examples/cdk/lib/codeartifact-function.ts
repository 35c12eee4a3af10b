import { fileURLToPath } from 'node:url';
import * as include from 'aws-cdk-lib/cloudformation-include';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as assets from 'aws-cdk-lib/aws-s3-assets';
import { Construct } from 'constructs';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface CodeArtifactFunctionProps {
  /** What `make build` made; by default where it leaves it. */
  readonly zip?: string;
  /** What it was built for: `arm64` by default. */
  readonly architecture?: lambda.Architecture;
  /** `return` behind a `Provider`, which answers CloudFormation by itself. */
  readonly responseMode?: 'auto' | 'return';
  /** Domains that the function may manage, such as `dev-*`; by default all of the account and region. */
  readonly domainNamePattern?: string;
}

/** The function with its role, as template.yaml describes them, and the zip of the build. One in a stack. */
export class CodeArtifactFunction extends Construct {
  readonly function: lambda.IFunction;

  constructor(scope: Construct, id: string, props: CodeArtifactFunctionProps = {}) {
    super(scope, id);
    const code = new assets.Asset(this, 'Code', {
      path: props.zip ?? `${ROOT}target/lambda/codeartifact-stack/bootstrap.zip`,
    });
    const template = new include.CfnInclude(this, 'Template', {
      templateFile: `${ROOT}template.yaml`,
      // CDK's type for it asks for an OnSuccess destination, which the function has not.
      dehydratedResources: ['Function'],
      parameters: { Architecture: '', ResponseMode: '', DomainNamePattern: props.domainNamePattern ?? '*' },
    });
    const resource = template.getResource('Function');
    resource.addPropertyOverride('CodeUri', { Bucket: code.s3BucketName, Key: code.s3ObjectKey });
    resource.addPropertyOverride('Architectures', [(props.architecture ?? lambda.Architecture.ARM_64).name]);
    resource.addPropertyOverride('Environment.Variables.RESPONSE_MODE', props.responseMode ?? 'auto');
    this.function = lambda.Function.fromFunctionAttributes(this, 'Function', {
      functionArn: resource.getAtt('Arn').toString(),
      sameEnvironment: true,
    });
  }
}
