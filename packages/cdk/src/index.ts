export * from './choices';
export * from './codeartifact-function';
export * from './codeartifact-stack';
export * from './refresh';
