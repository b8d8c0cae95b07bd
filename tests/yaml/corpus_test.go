package yamltest

import (
	"strings"
	"testing"
)

// Texts, each with what our reader says of it: nothing where it reads it.
var corpus = []struct{ text, refusal string }{
	// Scalars.
	{"a: text\nb: 'it''s'\nc: \"tab\\there\"\n", ""},
	{"[yes, No, on, OFF, y, n, true, False, ~, null, Null, nULL, yES, '', \"\"]", ""},
	{"[0, -0, +5, 1_000, 1__0, _1, 0x1F, 0x_1f, -0x1f, 0b11, 0o17, 0O17, 017, -017, 08, 0x, 0b, 0b-1, 0b+1, -0b1, 0b2]", ""},
	{"[.5, +.5, -.5, .5_0, .5__0, ._5, .5_, .5_e3, .5e1_0, .5e_1, -.5_0, 1., 1e3, 1.5e+3, 1e, 1.5.2, 1e-400, ., -, +, -., .e3, 1_0.5_0, 0x1p-2, 08.5, 1e+, -1e3]", ""},
	{"[9007199254740993, 18446744073709551615, +18446744073709551615, 18446744073709551616, -9223372036854775808, -9223372036854775809]", ""},
	{"n: 1111111111111111111111111111111111111111111111111111111111111111111111111111111111", ""},
	{"[2001-01-01, 2001-12-14t21:59:43.10-05:00, 12:30:45, 1:30, =, 1.2.3, 10m, 1Gi, v1.34.3, 1.34]", ""},
	{"[!!str 5, !!str yes, !!int 5, !!int '5', !!float 5, !!bool yes, !!null ~]", ""},
	{"! [! {a: 1}]", ""},
	{"! 5", "tag '!' (expected none)"},
	{"[!!str, x]", "f:1:2: tag without a value in brackets (expected '')"},
	{"{a: !!str }", "f:1:5: tag without"},
	{"a: !!str\nb: !!str \n", ""},
	{"a: !!int x\n", "'x' is no int (expected no tag)"},
	{"a: !!float 18446744073709551615\n", "is no float"},
	{"a: .inf\n", "number '.inf' (expected one that JSON can hold)"},
	{"a: 1e400\n", "number '1e400'"},
	{"a: !!binary aGk=\n", "tag 'tag:yaml.org,2002:binary' (expected none)"},
	{"a: !local x\n", "tag '!local' (expected none)"},
	{"a: !!set {x, y}\n", "tag 'tag:yaml.org,2002:set' (expected none)"},
	{"a: \"\\x41\\u00e9\\U0001F600\\0\\a\\b\\t\\n\\v\\f\\r\\e\\ \\\"\\\\\\N\\_\\L\\P\"\n", ""},
	{"{\"a\": \"x\\/y\"}", ""},
	{"a: \"\\uFFFE \\uFFFF \\uFEFF \\x7F \\x9F\"\n\"\\L\": \"\\P\"\n", ""},
	{"a: \"\\ud83d\\ude00\"\n", "(expected the character itself, or \\U and 8 digits)"},
	{"a: \"\\q\"\n", "found unknown escape character while parsing a quoted scalar"},
	{"a: 'x\u0085y\u2028z'\nb: \ufeff\n", ""},

	// Quoted scalars of several lines.
	{"a: \"one\n  two\n\n  three\"\n", ""},
	{"a: '\n\n  x\n\n\n  y\n\n'\n", ""},
	{"---\n'\n  \n   \n'\n", ""},
	{"a: \"\n  x \\\n  y\\\n  \\ z\n  \"\n", ""},
	{"a: \"x\t\n\t y\"\n", ""},
	{"image: \"tryretool/code-ex", "f:1:8: not YAML: found unexpected end of stream while scanning a quoted scalar (expected the closing quote)"},
	{"a: 'x\nb: y\n", "(expected the closing quote)"},
	{"a: \"x\n---\nb: y\"\n", "found unexpected document indicator"},

	// Plain scalars of several lines.
	{"a: one\n  two\n\n  three\nb: x\n", ""},
	{"one\ntwo\n", ""},
	{"- a\n b\n-\n c\n", ""},
	{"a: x # comment\nb: x#none\nc: 'x'# y\n", ""},
	{"a: http://x:80/y?z=1&w\nb: a:b\nc: -x\nd: ?x\ne: x, y\nf: x]\n", ""},
	{"a: b: c\n", "mapping values are not allowed in this context"},
	{"a: %x\n", "found character that cannot start any token"},
	{"a: @x\n", "found character that cannot start any token"},

	// Block scalars.
	{"a: |\n  one\n    two\n\n  three\nb: >\n  one\n  two\n\n  three\n   kept\n  four\n", ""},
	{"a: |-\n  one\n\nb: |+\n  one\n\nc: >-\n  x\n\nd: >+\n  x\n\n", ""},
	{"a: |2\n    two\n  x\nb: |1-\n  x\n", ""},
	{"a: |\n  one\n  two", ""},
	{"a: >\n  one\n  two", ""},
	{"a: |+\n  one\n\n", ""},
	{"a: |\n\n\n  x\n", ""},
	{"a: |\n     \n  x\n", "did not find expected key while parsing a block mapping"},
	{"a: |\n\tx\n", "found a tab character where an indentation space is expected"},
	{"a: |\nb: >\n", ""},
	{"- |\n x\n- >\n y\n", ""},
	{"|\n  x\n", ""},
	{"--- |\nx\n--- >-\ny\n", "f:2:1: not YAML: did not find expected <document start>"},
	{"a: | # comment\n  x # none\n", ""},
	{"a: |x\n  y\n", "while scanning a block scalar"},
	{"a: |\r\n  x\r\n  y\r\n", ""},
	{"a: |\n  x\n # comment\n\n # more\nb: y\n", ""},

	// Mappings and lists.
	{"a:\n- 1\n- 2\nb:\n  - 3\n  -\n  - - 4\n    - 5\n  - x: 1\n    y: 2\n", ""},
	{"a:\n  b:\n    c: d\n  e: f\n", ""},
	{"? a\n: b\n? c\n? |\n  d\n: - e\n", ""},
	{"a: 1\n b: 2\n", "mapping values are not allowed in this context"},
	{"a:\n  b: 1\n c: 2\n", "did not find expected key while parsing a block mapping"},
	{"a: 1\nstray\n", "could not find expected ':' while scanning a simple key"},
	{"a: 1\nstray", "could not find expected ':' while scanning a simple key"},
	{"a:\n  b: 1\nstray\n", "could not find expected ':'"},
	{"- a\nb: c\n", "did not find expected '-' indicator"},
	{"- a\nb\n", "could not find expected ':'"},
	{"a: - b\n", "block sequence entries are not allowed"},
	{"a:\n\tb: c\n", "found character that cannot start any token"},
	{"a:\tb\n", ""},
	{"a:   \t  b\t\n", ""},
	{"a:\n  - b\n - c\n", "did not find expected"},
	{"a: 'b' c\n", "did not find expected key"},
	{"a: [b] c\n", "did not find expected key"},
	{"[1]: x\n", "key is not a scalar (expected a string)"},
	{"~: x\n", "key is null (expected a string)"},
	{": x\n", "did not find expected key while parsing a block mapping"},
	{"1: a\n2.50: b\ntrue: c\n017: d\n1e3: e\n1234567.5: f\n0.00001: g\n1e30: h\n-1.5: i\n100000.0: j\n1000000.0: k\n0.1: l\n16777217.0: m\n", ""},
	{"18446744073709551615: x\n", "key is 18446744073709551615 (expected a string)"},
	{"1e300: x\n", "key is 1e+300 (expected a string)"},
	{"a: 1\na: 2\n", "f:2:1: key 'a' is there twice, first at 1:1 (expected once)"},
	{"{a: 1, 'a': 2}", "f:1:8: key 'a' is there twice, first at 1:2 (expected once)"},
	{"1: a\n'1': b\n", "f:2:1: key '1' is there twice, first at 1:1 (expected once)"},
	{"1: a\n0x1: b\n", "key '1' is there twice"},

	// In brackets.
	{"{a: 1, 'b': [x, {y: z}], \"c\":d, e: , f}", ""},
	{"{\"a\":1,\"b\":[true,null],\"c\":{\"d\":\"e\"}}", ""},
	{"[a, b: c, ? d : e, {}, [], ]", ""},
	{"[fe80::, x]", "f:1:7: not YAML: found unexpected ':' while scanning a plain scalar (expected quotes around text with : before a comma or bracket)"},
	{"['fe80::', x]", ""},
	{"{a: fe80::1, b: '::1', c: x:y, d: http://z/}", ""},
	{"[a:b, ::, -1, - ]", "f:1:"},
	{"{a:1, b: 2}", ""},
	{"[a, [b, c]", "(expected the closing ], or a comma between elements)"},
	{"{a: 1", "(expected the closing }, or a comma between members)"},
	{"[a, , b]", "did not find expected node content"},
	{"[a\n, b\n  c]\n", ""},
	{"{a: [x,\n  y], b:\n  z}\n", ""},
	{"[a]]", "did not find expected"},
	{"[a] b", "did not find expected"},
	{"a: {b: c}\n  d: e\n", "did not find expected key while parsing a block mapping"},
	{"[?c]", ""},
	{"[a?b, c]", "f:1:2: ? in brackets without quotes (expected quotes)"},
	{"a: ['b?']\nc: d?\n", ""},
	{"{? a: b, ?c: d}", ""},
	{"{c?: d}", "f:1:2: ? in brackets"},
	{"[x#y, z #c\n]", ""},
	{"[\"a\":b]", ""},
	{"[a\n: b]", "did not find expected ',' or ']'"},

	// Anchors, aliases and merges.
	{"a: &x {b: [1, &y two]}\nc: *x\nd: *y\n*y : e\n", ""},
	{"a: &x 1\nb: &x 2\nc: *x\n", ""},
	{"a: &x\nb: *x\n", ""},
	{"- &a a\n- &b b\n- *a\n- *b\n", ""},
	{"&a a: &b b\n*b : *a\n", ""},
	{"a: &x [*x]\n", "*x is inside of what it repeats"},
	{"a: &x [&x 1, *x]\nb: *x\n", ""},
	{"a: *x\n", "*x is unknown (expected an anchor before)"},
	{"--- &x a\n--- *x\n", "*x is unknown"},
	{"a: &x *y\n", "f:1:"},
	{"b: &b {x: 1, z: 2}\no: {<<: *b, z: 3}\n", ""},
	{"o: {<<: [{x: 1}, {x: 2, z: 3}], y: 4}\n", ""},
	{"b: &b {z: 2}\no: {z: 3, <<: *b}\n", "<< has key 'z' too, which stands before it at 2:5 (expected << first)"},
	{"b: &b {x: 1}\no: {z: 3, <<: *b}\n", ""},
	{"o: {<<: {x: 1}, <<: {y: 2}}\n", "key '<<' is there twice, first at 1:5"},
	{"o: {<<: 5}\n", "<< is not a mapping (expected one, or a list of them)"},
	{"o: {<<: [[{x: 1}]]}\n", "<< is not a mapping"},
	{"l: &l [{x: 1}]\no: {<<: *l}\n", "<< is not a mapping"},
	{"o: {'<<': 1, a: <<, b: [<<]}\n", ""},
	{"a: &a {<<: {x: 1}, y: 2}\nb: {<<: *a, x: 3}\n", ""},

	// Streams.
	{"", ""},
	{"# nothing\n", ""},
	{"---\n---\n~\n...\n", ""},
	{"a: 1\n---\nb: 2\n...\n---\nc: 3\n", ""},
	{"---\na: 1\n...\n# comment\n---\n# comment\nb: 2\n", ""},
	{"--- # comment\na: 1\n", ""},
	{"--- {a: 1}\n", ""},
	{"---\ta: 1\n", "mapping values are not allowed in this context"},
	{"a: 1\n... x\n", "f:2:"},
	{"%YAML 1.1\n---\na: 1\n", ""},
	{"%YAML 1.2\n---\na: 1\n", "f:1:1: another %YAML than 1.1 (expected no such line)"},
	{"%YAML 3.0\n---\na: 1\n", "found incompatible YAML document"},
	{"%TAG !e! tag:yaml.org,2002:\n---\na: !e!str 5\n", ""},
	{"%x\n---\na: 1\n", "f:1:"},
	{"\ufeffa: 1\n", ""},
	{"a: 1\n---\n\ufeffb: 2\n", "f:3:1: byte order mark (expected at the very beginning only)"},
	{"a: 1\r\nb: 2\r\n", ""},
	{"a: 1\rb: 2\r", ""},
	{"a: x\u0085b: y\n", ""},
	{"a: \xff\n", "invalid leading UTF-8 octet (expected UTF-8)"},
	{"a: \x00\n", "control characters are not allowed (expected printable text)"},
	{"a: \x1b[0m\n", "control characters are not allowed (expected printable text)"},
	{"a: \"\x7f\"\n", "control characters are not allowed"},
	{"a: \"\xef\xbf\xbf\"\n", "control characters are not allowed"},
	{strings.Repeat("[", 100) + strings.Repeat("]", 100), ""},
	{strings.Repeat("[", 101) + strings.Repeat("]", 101), "f:1:101: nested too deeply (expected at most 100 levels)"},
	{strings.Repeat("k", 1000) + ": x\n", ""},
	{strings.Repeat("k", 2000) + ": x\n", "f:1:"},
	{"? " + strings.Repeat("k", 2000) + "\n: x\n", ""},

	// What people keep in manifests.
	{"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {a: \"yes\"}}\ndata:\n  9000: default/x:80\n  run.sh: |\n    #!/bin/sh\n    echo \"$1\" # x\n\n    exit 0\n  empty: \"\"\n", ""},
	{"apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - name: x\n        args: [\"-c\", 'a: b', --flag=x]\n        env:\n        - {name: A, value: \"1\"}\n        - name: B\n          value: >-\n            one\n            two\n        resources: {limits: {cpu: 500m, memory: 1Gi}}\n", ""},
	{"# Source: chart/templates/x.yaml\n---\n# Source: chart/templates/y.yaml\nkind: X\n---\n\n", ""},
}

func TestCorpus(t *testing.T) {
	ours := startReader(t)
	for _, row := range corpus {
		refusal, isRead := compare(t, ours, row.text)
		if row.refusal == "" && !isRead && refusal != "" {
			t.Errorf("%q\n  is refused: %s", row.text, refusal)
		}
		if got := ours.read(t, row.text).Error; (row.refusal == "") != (got == "") || !strings.Contains(got, row.refusal) {
			t.Errorf("%q\n  says: %s\n  expected: %s", row.text, got, row.refusal)
		}
	}
}
