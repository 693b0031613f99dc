// The package's own types are not published.
declare module "asl-validator" {
  function validate(definition: unknown): {
    readonly isValid: boolean;
    readonly errors: readonly { readonly message: string }[];
  };
  export = validate;
}
