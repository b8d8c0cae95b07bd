// Whether the webhook reads YAML as sigs.k8s.io/yaml does, which kubectl and Helm read it with, and prints what that
// reads back as the same. Either reader may refuse a text; what ours takes, that one takes for the same data.
package yamltest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"

	goyaml "go.yaml.in/yaml/v2"
	"sigs.k8s.io/yaml"
)

// What ours made of a text.
type answer struct {
	Error     string   // empty where it was read
	LoadError string   // of the reader of configuration files
	JSON      []string // of each document that is not empty
	YAML      []string
}

// A process that reads text upon text.
type reader struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func startReader(t *testing.T) *reader {
	t.Helper()
	program := exec.Command(os.Getenv("YAML_READER"))
	program.Stderr = os.Stderr
	in, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatalf("YAML_READER: %v", err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := program.Wait(); err != nil {
			t.Errorf("YAML_READER: %v", err)
		}
	})
	return &reader{in, bufio.NewReader(out)}
}

func (r *reader) read(t *testing.T, text string) answer {
	t.Helper()
	if _, err := fmt.Fprintf(r.in, "%d\n%s", len(text), text); err != nil {
		t.Fatalf("%v for %q", err, text)
	}
	line, err := r.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("%v for %q", err, text)
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return a
}

// Documents of `text` that are not empty, as sigs.k8s.io/yaml has them: that reads the first of a stream, so each is
// read by itself where there are more.
func oracle(text string) (documents []any, err error) {
	defer func() { // of some texts go.yaml.in/yaml itself panics
		if recover() != nil {
			err = errors.New("panic")
		}
	}()
	var nodes []any
	decoder := goyaml.NewDecoder(strings.NewReader(text))
	for {
		var node any
		if err := decoder.Decode(&node); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	for _, node := range nodes {
		one := []byte(text)
		if len(nodes) > 1 {
			if one, err = goyaml.Marshal(node); err != nil {
				return nil, err
			}
		}
		raw, err := yaml.YAMLToJSON(one)
		if err != nil {
			return nil, err
		}
		if document, err := fromJSON(raw); err != nil {
			return nil, err
		} else if document != nil {
			documents = append(documents, document)
		}
	}
	return documents, nil
}

// JSON with numbers as they are written.
func fromJSON(raw []byte) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	err = decoder.Decode(&value)
	return value, err
}

// Whether two values of JSON are the same data: whole numbers digit by digit, others as floats.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		for key, member := range a {
			other, isThere := b[key]
			ok = ok && isThere && same(member, other)
		}
		return ok && len(a) == len(b)
	case []any:
		b, ok := b.([]any)
		ok = ok && len(a) == len(b)
		for i := 0; ok && i < len(a); i++ {
			ok = same(a[i], b[i])
		}
		return ok
	case json.Number:
		b, ok := b.(json.Number)
		if ok && strings.ContainsAny(a.String()+b.String(), ".eE") {
			x, _ := a.Float64()
			y, _ := b.Float64()
			return x == y
		}
		return ok && a == b
	}
	return a == b
}

// A key that is too long for YAML's `key: value`.
func hasLongKey(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for key, member := range v {
			if len(key) > 300 || hasLongKey(member) {
				return true
			}
		}
	case []any:
		for _, element := range v {
			if hasLongKey(element) {
				return true
			}
		}
	}
	return false
}

// Fails where ours took `text` for other data than the oracle, or prints what that takes for other data. Says what
// ours refused that the oracle reads.
func compare(t *testing.T, ours *reader, text string) (refusal string, isRead bool) {
	t.Helper()
	got := ours.read(t, text)
	want, err := oracle(text)
	if got.Error != "" {
		if !strings.HasPrefix(got.Error, "f:") {
			t.Errorf("%q\n  refused without a place: %s", text, got.Error)
		}
		if err == nil {
			return got.Error, false
		}
		return "", false
	}
	if err != nil {
		// sigs.k8s.io/yaml refuses this escape, kubectl takes it in JSON.
		if !(strings.Contains(text, `\/`) && strings.Contains(err.Error(), "unknown escape character")) {
			t.Errorf("%q\n  ours: %v\n  the oracle: %v", text, got.JSON, err)
		}
		return "", false
	}
	if len(got.JSON) != len(want) {
		t.Errorf("%q\n  ours: %v\n  the oracle: %v", text, got.JSON, want)
		return "", false
	}
	for i := range want {
		document, err := fromJSON([]byte(got.JSON[i]))
		if err != nil || !same(document, want[i]) {
			t.Errorf("%q\n  ours: %v (%v)\n  the oracle: %v", text, document, err, want[i])
		}
		// What `-o yaml` prints, read by what will read it; and `-o json`, where no key is too long for YAML.
		for _, printed := range []string{got.YAML[i], got.JSON[i]} {
			back, err := oracle(printed)
			if err != nil && printed == got.JSON[i] && hasLongKey(want[i]) {
				continue
			}
			if err != nil || len(back) != 1 || !same(back[0], want[i]) {
				t.Errorf("%q\n  printed: %q\n  read back: %v (%v)", text, printed, back, err)
			}
		}
	}
	return "", true
}

// A text that differs from `text` in a few places, mostly in what YAML gives a meaning to.
func mutate(random *rand.Rand, text string, others []string) string {
	pieces := []string{"\n", " ", "  ", "\t", ":", ": ", "-", "- ", "?", "? ", "#", " #", "'", "\"", "|", ">", "|-", ">+", "[", "]", "{", "}",
		",", "&a ", "*a", "*a ", "!", "!!str ", "!!int ", "!x ", "%", "@", "`", "---\n", "--- ", "...\n", "<<: ", "~", "null", "yes", "0x1f", "017", "1e3",
		"1.5", "_", ".", "\\", "\\n", "\\x41", "\r\n", "\r", "\u0085", "\u2028", "\ufeff", "\u00a0", "\u00e9", "\x00", "\xff", "\x7f", "::", "k: v\n"}
	for edits := 1 + random.Intn(4); edits > 0; edits-- {
		at := random.Intn(len(text) + 1)
		end := min(len(text), at+random.Intn(1+random.Intn(8)))
		switch random.Intn(8) {
		case 0: // cut off
			text = text[:at]
		case 1, 2: // take out
			text = text[:at] + text[end:]
		case 3, 4: // put in
			text = text[:at] + pieces[random.Intn(len(pieces))] + text[at:]
		case 5: // replace
			text = text[:at] + pieces[random.Intn(len(pieces))] + text[end:]
		case 6: // a line elsewhere, deeper or not
			lines := strings.SplitAfter(text, "\n")
			line := strings.Repeat(" ", random.Intn(3)) + lines[random.Intn(len(lines))]
			where := random.Intn(len(lines))
			text = strings.Join(lines[:where], "") + line + strings.Join(lines[where:], "")
		case 7: // the rest of another text
			other := others[random.Intn(len(others))]
			text = text[:at] + other[random.Intn(len(other)+1):]
		}
	}
	return text
}

var quoted = regexp.MustCompile(`^f:[0-9]+:[0-9]+: |'[^']*'|[0-9]+:[0-9]+|of line [0-9]+|\*[A-Za-z0-9_-]+`)

// The corpus and our manifests, mutated. YAML_ORACLE_RUNS: how many, YAML_ORACLE_SEED: which.
func TestMutations(t *testing.T) {
	var texts []string
	for _, row := range corpus {
		if len(row.text) < 4096 {
			texts = append(texts, row.text)
		}
	}
	texts = append(texts, manifests(t)...)
	ours := startReader(t)
	random := rand.New(rand.NewSource(number("YAML_ORACLE_SEED", 1)))
	reasons, read, runs := map[string]int{}, 0, number("YAML_ORACLE_RUNS", 5_000)
	for run := int64(0); run < runs; run++ {
		text := mutate(random, texts[random.Intn(len(texts))], texts)
		refusal, isRead := compare(t, ours, text)
		if refusal != "" {
			reasons[quoted.ReplaceAllString(refusal, "")]++
		} else if isRead {
			read++
		}
	}
	if read < int(runs)/10 {
		t.Errorf("only %d of %d mutations are YAML (expected a tenth)", read, runs)
	}
	if refused := sum(reasons); refused > read/5 {
		t.Errorf("%d mutations are refused by ours only (expected a fifth of the %d that are read)", refused, read)
	}
	t.Logf("%d mutations, of which %d are read; of those that sigs.k8s.io/yaml reads, ours refuses:", runs, read)
	for _, reason := range sorted(reasons) {
		t.Logf("  %6d %s", reasons[reason], reason)
	}
}

func sorted(counts map[string]int) (keys []string) {
	for key := range counts {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(i, k int) bool { return counts[keys[i]] > counts[keys[k]] })
	return keys
}

func number(variable string, fallback int64) int64 {
	if number, err := strconv.ParseInt(os.Getenv(variable), 10, 64); err == nil {
		return number
	}
	return fallback
}

// The manifests of this project, but for the templates of its chart, which are not YAML.
func manifests(t *testing.T) (texts []string) {
	t.Helper()
	err := filepath.WalkDir("../../manifests", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" || filepath.Base(filepath.Dir(path)) == "templates" {
			return err
		}
		text, err := os.ReadFile(path)
		texts = append(texts, string(text))
		return err
	})
	if err != nil || len(texts) < 20 {
		t.Fatalf("%d manifests (expected 20): %v", len(texts), err)
	}
	return texts
}

// Each manifest of this project is read, and of a folder that YAML_ORACLE_FOLDER names each is counted.
func TestManifests(t *testing.T) {
	ours := startReader(t)
	for _, text := range manifests(t) {
		if refusal, isRead := compare(t, ours, text); !isRead {
			t.Errorf("%.80q is not read: %s", text, refusal)
		}
		if refusal := ours.read(t, text).LoadError; refusal != "" {
			t.Errorf("%.80q cannot be a configuration file: %s", text, refusal)
		}
	}
	folder := os.Getenv("YAML_ORACLE_FOLDER")
	if folder == "" {
		return
	}
	files, read, refused := 0, 0, map[string]int{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		extension := filepath.Ext(path)
		if err != nil || !entry.Type().IsRegular() || extension != ".yaml" && extension != ".yml" && extension != ".json" {
			return err
		}
		text, err := os.ReadFile(path)
		files++
		refusal, isRead := compare(t, ours, string(text))
		if isRead {
			read++
		} else if refusal != "" {
			refused[quoted.ReplaceAllString(refusal, "")]++
			t.Logf("%s: %s", path, refusal)
		}
		return err
	})
	t.Logf("%s: %d files, %d read as the same (%v), %d refused by both; refused by ours only: %v", folder, files, read, err,
		files-read-sum(refused), refused)
}

func sum(counts map[string]int) (total int) {
	for _, count := range counts {
		total += count
	}
	return total
}
