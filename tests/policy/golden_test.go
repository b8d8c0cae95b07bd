package policy

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	corev1 "k8s.io/api/core/v1"
)

// Whoever changes one of these changes the policy with it.
var namesInThePolicy = regexp.MustCompile(`containerName|localhostProfile|configMapName|kubeletSeccompDir|image:`)

// The pod that a golden case ends with, as if the chart had labelled it, and what becomes of it.
func goldenPod(t *testing.T, directory string) (*corev1.Pod, string) {
	t.Helper()
	var review struct {
		Request struct{ Object json.RawMessage }
	}
	var want struct {
		Outcome, Reason string
		Patch           json.RawMessage
	}
	script, _ := json.Marshal(read(t, "../../src/admission/install_seccomp.sh"))
	for name, into := range map[string]any{"review.json": &review, "want.json": &want} {
		text := strings.ReplaceAll(read(t, filepath.Join(directory, name)), `"<install_seccomp.sh>"`, string(script))
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%s/%s: %v", directory, name, err)
		}
	}
	// A mirror's tag says nothing of what is behind it: the policy wants the digest.
	if want.Reason == "already_sandboxed" && !bytes.Contains(review.Request.Object, []byte("mirror.example")) {
		want.Outcome = "sandboxed"
	}
	if want.Outcome != "sandboxed" && want.Outcome != "privileged" {
		return nil, want.Outcome
	}
	object := []byte(review.Request.Object)
	if want.Patch != nil {
		patch, err := jsonpatch.DecodePatch(want.Patch)
		if err != nil {
			t.Fatal(directory, err)
		}
		if object, err = patch.Apply(object); err != nil {
			t.Fatal(directory, err)
		}
	}
	pod := toPod(t, object)
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	pod.Labels[chartLabel] = "code-executor"
	return pod, want.Outcome
}

// What the policy refuses of a pod whose target is sandboxed: the webhook changes nothing but the target.
func besideTheTarget(pod *corev1.Pod) string {
	for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		context := container.SecurityContext
		if context != nil && context.Privileged != nil && *context.Privileged {
			return "a container is privileged"
		}
	}
	for _, volume := range pod.Spec.Volumes {
		if volume.HostPath != nil && volume.Name != "host-seccomp" {
			return "the pod has a hostPath volume"
		}
	}
	return ""
}

// The webhook and its backstop agree on every pod that there is a golden answer for.
func TestThePolicyLetsThroughWhatTheWebhookSandboxes(t *testing.T) {
	plugin := newPlugin(t)
	cases, err := filepath.Glob("../golden/cases/*")
	if err != nil || len(cases) < 100 {
		t.Fatalf("%d golden cases (expected more than 100): %v", len(cases), err)
	}
	seen := map[string]int{}
	for _, directory := range cases {
		config, _ := filepath.Glob(filepath.Join(directory, "config.yaml"))
		if len(config) > 0 && namesInThePolicy.MatchString(read(t, config[0])) {
			continue
		}
		pod, outcome := goldenPod(t, directory)
		seen[outcome]++
		if pod == nil {
			continue
		}
		want := besideTheTarget(pod)
		if want != "" {
			seen["refused"]++
		}
		t.Run(filepath.Base(directory), func(t *testing.T) {
			expect(t, create(t, plugin, "retool", pod), want)
		})
	}
	if seen["sandboxed"] < 50 || seen["privileged"] < 10 || seen["refused"] > seen["privileged"]+25 {
		t.Errorf("cases looked at: %v (expected at least 50 sandboxed and 10 privileged, and few others refused)", seen)
	}
}
