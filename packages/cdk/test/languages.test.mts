// What jsii writes for the languages that are not built here.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'constructs-'));
after(() => rmSync(folder, { recursive: true }));
const assembly = JSON.parse(readFileSync('.jsii', 'utf-8'));
const types = Object.values(assembly.types as Record<string, { name: string }>).map((type) => type.name);

execFileSync('node_modules/.bin/jsii-pacmak', [
  ...['--code-only', '--target', 'java', '--target', 'dotnet', '--outdir', folder],
]);

for (const [language, ending] of [['java', '.java'], ['dotnet', '.cs']]) {
  test(`every type has a source in ${language}`, () => {
    const files = readdirSync(join(folder, language), { recursive: true, encoding: 'utf-8' });
    const sources = new Set(files.filter((file) => file.endsWith(ending)).map((file) => basename(file, ending)));
    assert.deepEqual(types.filter((type) => !sources.has(type)), []);
  });
}

test('no type of .NET hides its own namespace', () => {
  // There CodeArtifactStack.Cdk.X within CodeArtifactStack is a member of the class of that name, which has none.
  const segments: string[] = assembly.targets.dotnet.namespace.split('.');
  assert.deepEqual(segments.filter((segment) => types.includes(segment)), []);
});
