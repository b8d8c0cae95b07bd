// Compares what we make of pods and nodes (made/cases.cc) with what the scheduler's own code does:
// k8s.io/component-helpers, which the plugins NodeAffinity and TaintToleration call.
package scheduling

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"
)

type testCase struct {
	Spec       v1.PodSpec
	Nodes      []v1.Node
	Candidates []string
}

// As the plugin TaintToleration filters.
func keepsOff(taint *v1.Taint) bool {
	return taint.Effect == v1.TaintEffectNoSchedule || taint.Effect == v1.TaintEffectNoExecute
}

func mayGoTo(pod *v1.Pod, node *v1.Node) bool {
	matches, err := nodeaffinity.GetRequiredNodeAffinity(pod).Match(node)
	if err != nil || !matches {
		return false
	}
	const enableComparisonOperators = true
	_, untolerated := corev1.FindMatchingUntoleratedTaint(
		klog.Logger{}, node.Spec.Taints, pod.Spec.Tolerations, keepsOff, enableComparisonOperators)
	return !untolerated
}

func TestVerdicts(t *testing.T) {
	file, err := os.Open(os.Getenv("CASES"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	pods, nodes, candidates := 0, 0, 0
	for lines.Scan() {
		var c testCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("line %d: %v", pods+1, err)
		}
		pod := &v1.Pod{Spec: c.Spec}
		for i := range c.Nodes {
			name := c.Nodes[i].Name
			want := mayGoTo(pod, &c.Nodes[i])
			if got := slices.Contains(c.Candidates, name); got != want {
				t.Errorf("line %d: node %s: a candidate for us: %v, for the scheduler: %v\n%s", pods+1, name, got, want, lines.Text())
			}
			nodes++
		}
		candidates += len(c.Candidates)
		pods++
		if t.Failed() {
			t.FailNow()
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d pods, %d verdicts, %d of them yes", pods, nodes, candidates)
	if pods < 1000 || candidates < nodes/10 || candidates > nodes*9/10 {
		t.Errorf("the cases are too few or too much alike")
	}
}
