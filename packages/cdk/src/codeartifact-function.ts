import * as fs from 'fs';
import * as path from 'path';
import { Fn } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as assets from 'aws-cdk-lib/aws-s3-assets';
import * as include from 'aws-cdk-lib/cloudformation-include';
import { Construct, type IConstruct } from 'constructs';

// template.yaml and the zips of a release, which the build of this package puts there.
const ASSETS = path.join(__dirname, '..', 'assets');

/** Who serves `Custom::CodeArtifactStack`. */
export interface ICodeArtifactFunction extends IConstruct {
  /** What a resource names as its `ServiceToken`. */
  readonly serviceToken: string;
}

/** How the function is deployed. */
export interface CodeArtifactFunctionProps {
  /**
   * What the function runs on.
   *
   * @default - arm64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * A build of your own: the zip that `make build` leaves.
   *
   * @default - the zip of this package for the architecture
   */
  readonly zip?: string;

  /**
   * `true` behind a `Provider` of CDK, which answers CloudFormation by itself.
   *
   * @default false
   */
  readonly returnsAnswer?: boolean;

  /**
   * Values of the other parameters of template.yaml, by name, such as `DomainNamePattern`.
   *
   * @default - what is not here is a parameter of the stack, with its default
   */
  readonly parameters?: { [name: string]: string };
}

/** The function with its role, as template.yaml describes them. One in a stack. */
export class CodeArtifactFunction extends Construct implements ICodeArtifactFunction {
  /** The function that a stack of SAM exports. `prefix` is its `ExportPrefix`, by default its name. */
  public static fromExport(scope: Construct, id: string, prefix: string = 'codeartifact-stack'): ICodeArtifactFunction {
    return CodeArtifactFunction.fromServiceToken(scope, id, Fn.importValue(`${prefix}-ServiceToken`));
  }

  /** The function by its ARN, or a `Provider` before it by its `serviceToken`. */
  public static fromServiceToken(scope: Construct, id: string, serviceToken: string): ICodeArtifactFunction {
    class Import extends Construct implements ICodeArtifactFunction {
      public readonly serviceToken = serviceToken;
    }
    return new Import(scope, id);
  }

  public readonly serviceToken: string;
  /** The function itself. */
  public readonly lambdaFunction: lambda.IFunction;
  /** ARN of its role, for the policy of a key that leaves no access to IAM. */
  public readonly roleArn: string;

  constructor(scope: Construct, id: string, props: CodeArtifactFunctionProps = {}) {
    super(scope, id);
    const architecture = props.architecture ?? lambda.Architecture.ARM_64;
    const zip = props.zip ?? path.join(ASSETS, `${architecture.name}.zip`);
    if (!fs.existsSync(zip)) {
      throw new Error(`There is no build for ${architecture.name} at ${zip}: name one with "zip"`);
    }
    const code = new assets.Asset(this, 'Code', { path: zip });
    const template = new include.CfnInclude(this, 'Template', {
      templateFile: path.join(ASSETS, 'template.yaml'),
      // CDK's type for it asks for an OnSuccess destination, which the function has not.
      dehydratedResources: ['Function'],
      // What these decide is written into the function below.
      parameters: { ...props.parameters, Architecture: '', ResponseMode: '' },
    });
    const resource = template.getResource('Function');
    resource.addPropertyOverride('CodeUri', { Bucket: code.s3BucketName, Key: code.s3ObjectKey });
    resource.addPropertyOverride('Architectures', [architecture.name]);
    resource.addPropertyOverride('Environment.Variables.RESPONSE_MODE', props.returnsAnswer ? 'return' : 'auto');
    this.serviceToken = resource.getAtt('Arn').toString();
    this.roleArn = template.getResource('Role').getAtt('Arn').toString();
    this.lambdaFunction = lambda.Function.fromFunctionAttributes(this, 'Function', {
      functionArn: this.serviceToken,
      sameEnvironment: true,
    });
  }
}
