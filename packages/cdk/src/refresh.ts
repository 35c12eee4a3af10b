/**
 * When a stack's drift is repaired although nothing of its properties has changed.
 *
 * CloudFormation sends an Update when a property changes: this is a property that means nothing else.
 */
export class Refresh {
  /** With every deployment, which then is never without a change. */
  public static everyDeployment(): Refresh {
    return new Refresh(new Date().toISOString());
  }

  /** With the first deployment of a day (UTC). */
  public static daily(): Refresh {
    return new Refresh(new Date().toISOString().slice(0, 10));
  }

  /** When the value is another one than at the last deployment. */
  public static when(value: string): Refresh {
    return new Refresh(value);
  }

  private constructor(
    /** The property's value. */
    public readonly value: string,
  ) {}
}
