package policy

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
)

// One of cases/*.yaml: pods.yaml says what its fields are.
type policyCase struct {
	Of             string
	Change, Update [][]any
	Via            string
	Debug          map[string]any
	HostPaths      []string
	Invalid        bool

	name, refused string
	paths         map[string]string
	pods          map[string]any
}

func loadCases(t *testing.T) []policyCase {
	t.Helper()
	start := load[struct {
		Paths map[string]string
		Pods  map[string]any
	}](t, "cases/pods.yaml")
	groups := *load[map[string]map[string]policyCase](t, "cases/refused.yaml")
	groups[""] = *load[map[string]policyCase](t, "cases/passes.yaml")
	var cases []policyCase
	for _, refused := range slices.Sorted(maps.Keys(groups)) {
		for _, name := range slices.Sorted(maps.Keys(groups[refused])) {
			each := groups[refused][name]
			each.name, each.refused = name, refused
			each.paths, each.pods = start.Paths, start.Pods
			cases = append(cases, each)
		}
	}
	return cases
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (c policyCase) apply(t *testing.T, changes [][]any, document []byte) []byte {
	t.Helper()
	operations := []map[string]any{}
	for _, change := range changes {
		path := change[1].(string)
		if first, rest, _ := strings.Cut(path, "/"); first != "" {
			path = strings.TrimSuffix(c.paths[first]+"/"+rest, "/")
		}
		operation := map[string]any{"op": change[0], "path": path}
		if len(change) > 2 {
			operation["value"] = change[2]
		}
		operations = append(operations, operation)
	}
	text, _ := json.Marshal(operations)
	patch, err := jsonpatch.DecodePatch(text)
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	changed, err := patch.Apply(document)
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return changed
}

func (c policyCase) toPod(t *testing.T, document []byte) *corev1.Pod {
	t.Helper()
	script, _ := json.Marshal(read(t, "../../src/admission/install_seccomp.sh"))
	script010, _ := json.Marshal(read(t, "../golden/release_0_1_0/install_seccomp.sh"))
	text := strings.NewReplacer(`"SCRIPT"`, string(script), `"SCRIPT_0_1_0"`, string(script010),
		"DIGEST", strings.Repeat("0123456789abcdef", 4)).Replace(string(document))
	pod := toPod(t, []byte(text))
	pod.Namespace = "retool"
	return pod
}

// What the API server would ask the policy, and its answer.
func (c policyCase) review(t *testing.T, plugin *validating.Plugin) error {
	t.Helper()
	document, _ := json.Marshal(c.pods[c.Of])
	document = c.apply(t, c.Change, document)
	if c.Update == nil && c.Debug == nil {
		return review(plugin, admission.Create, "", c.toPod(t, document), nil)
	}
	old := c.toPod(t, document)
	if c.Debug != nil {
		pod := old.DeepCopy()
		text, _ := json.Marshal(c.Debug)
		debugger := corev1.EphemeralContainer{}
		if err := json.Unmarshal(text, &debugger); err != nil {
			t.Fatal(err)
		}
		debugger.Name, debugger.Image = "debugger", "busybox"
		pod.Spec.EphemeralContainers = append(pod.Spec.EphemeralContainers, debugger)
		return review(plugin, admission.Update, "ephemeralcontainers", pod, old)
	}
	subresource := strings.TrimPrefix(strings.TrimPrefix(c.Via, "pods"), "/")
	return review(plugin, admission.Update, subresource, c.toPod(t, c.apply(t, c.Update, document)), old)
}

// verdict names what is wrong with the policy's answer; empty: nothing.
func (c policyCase) verdict(t *testing.T, plugin *validating.Plugin) string {
	err := c.review(t, plugin)
	switch {
	case c.refused == "" && err != nil:
		return "refused: " + err.Error()
	case c.refused != "" && err == nil:
		return "let through (expected: " + c.refused + ")"
	case c.refused != "" && !strings.Contains(err.Error(), "denied request: "+c.refused):
		return "refused: " + err.Error() + " (expected: " + c.refused + ")"
	}
	return ""
}

// newPod is a pod of pods.yaml, unchanged.
func newPod(t *testing.T, name string) *corev1.Pod {
	t.Helper()
	start := loadCases(t)[0]
	document, _ := json.Marshal(start.pods[name])
	return start.toPod(t, document)
}
