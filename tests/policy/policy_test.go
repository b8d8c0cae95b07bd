package policy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/cel/environment"
)

const (
	isPrivileged = "container code-executor is privileged"
	sharesUsers  = "spec.hostUsers is not false"
	lacksProfile = "does not run under the Localhost seccomp profile"
	debugger     = "a privileged ephemeral container"
)

func TestPodsAreLetThroughOnlyIfSandboxed(t *testing.T) {
	plugin := newPlugin(t)
	for name, test := range map[string]struct {
		pod  *corev1.Pod
		want string
	}{
		"the chart's pod":  {chartPod(), isPrivileged},
		"a sandboxed pod":  {sandboxedPod(), ""},
		"no context":       {with(chartPod(), func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext = nil }), sharesUsers},
		"empty context":    {with(chartPod(), func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{} }), sharesUsers},
		"hostUsers absent": {with(sandboxedPod(), func(p *corev1.Pod) { p.Spec.HostUsers = nil }), sharesUsers},
		"hostUsers true":   {with(sandboxedPod(), func(p *corev1.Pod) { p.Spec.HostUsers = ptr(true) }), sharesUsers},
		"privileged in its own user namespace": {
			with(sandboxedPod(), func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext.Privileged = ptr(true) }), isPrivileged},
		"privileged: false": {
			with(sandboxedPod(), func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext.Privileged = ptr(false) }), ""},
		"no profile": {
			with(sandboxedPod(), func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext.SeccompProfile = nil }), lacksProfile},
		"another Localhost profile": {
			with(sandboxedPod(), func(p *corev1.Pod) {
				p.Spec.Containers[0].SecurityContext.SeccompProfile = localhost("profiles/other.json")
			}), lacksProfile},
		"RuntimeDefault over the pod's Localhost": {
			with(sandboxedPod(), func(p *corev1.Pod) {
				p.Spec.SecurityContext = &corev1.PodSecurityContext{SeccompProfile: localhost("profiles/nsjail-seccomp.json")}
				p.Spec.Containers[0].SecurityContext.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
			}), lacksProfile},
		"the profile of the pod as a whole": {
			with(sandboxedPod(), func(p *corev1.Pod) {
				p.Spec.SecurityContext = &corev1.PodSecurityContext{SeccompProfile: localhost("profiles/nsjail-seccomp.json")}
				p.Spec.Containers[0].SecurityContext = nil
			}), ""},
		"a privileged sidecar is not the target": {
			with(sandboxedPod(), func(p *corev1.Pod) {
				p.Spec.Containers = append(p.Spec.Containers, corev1.Container{
					Name: "sidecar", SecurityContext: &corev1.SecurityContext{Privileged: ptr(true)}})
			}), ""},
		"a target behind a sidecar": {
			with(chartPod(), func(p *corev1.Pod) {
				p.Spec.Containers = append([]corev1.Container{{Name: "sidecar"}}, p.Spec.Containers...)
			}), isPrivileged},
		"no target":                   {with(chartPod(), func(p *corev1.Pod) { p.Spec.Containers[0].Name = "other" }), ""},
		"another label":               {labelled(chartPod(), chartLabel, "main-backend"), ""},
		"no labels":                   {with(chartPod(), func(p *corev1.Pod) { p.Labels = nil }), ""},
		"opted out":                   {labelled(chartPod(), modeLabel, "off"), ""},
		"insists":                     {labelled(chartPod(), modeLabel, "sandbox"), isPrivileged},
		"a label that means nothing":  {labelled(chartPod(), modeLabel, "Off"), isPrivileged},
		"a mirror pod":                {with(chartPod(), func(p *corev1.Pod) { p.Annotations = map[string]string{"kubernetes.io/config.mirror": ""} }), ""},
		"other annotations":           {with(chartPod(), func(p *corev1.Pod) { p.Annotations = map[string]string{"a": "b"} }), isPrivileged},
		"windows":                     {with(chartPod(), func(p *corev1.Pod) { p.Spec.OS = &corev1.PodOS{Name: corev1.Windows} }), ""},
		"linux, as it says":           {with(chartPod(), func(p *corev1.Pod) { p.Spec.OS = &corev1.PodOS{Name: corev1.Linux} }), isPrivileged},
		"without nsjail":              {withEnv(with(chartPod(), func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext = nil }), "true"), ""},
		"without nsjail, privileged":  {withEnv(chartPod(), "true"), isPrivileged},
		"with nsjail, as it says":     {withEnv(with(chartPod(), func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext = nil }), "false"), sharesUsers},
		"without nsjail, last of two": {withEnv(with(chartPod(), func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext = nil }), "false", "true"), ""},
		"with nsjail, last of two":    {withEnv(with(chartPod(), func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext = nil }), "true", "false"), sharesUsers},
	} {
		t.Run(name, func(t *testing.T) { expect(t, create(t, plugin, "retool", test.pod), test.want) })
	}
	for _, namespace := range []string{"kube-system", "code-executor-webhook"} {
		t.Run(namespace, func(t *testing.T) { expect(t, create(t, plugin, namespace, chartPod()), "") })
	}
}

func TestAPodThatExistsIsRefusedOnlyWhereItComesUnderThePolicy(t *testing.T) {
	plugin := newPlugin(t)
	unlabelled := func() *corev1.Pod { return with(chartPod(), func(p *corev1.Pod) { p.Labels = nil }) }
	for name, test := range map[string]struct {
		old, pod *corev1.Pod
		want     string
	}{
		"older than the policy, loses a finalizer": {chartPod(), chartPod(), ""},
		"gets the label":                   {unlabelled(), chartPod(), isPrivileged},
		"gets the label, sandboxed":        {unlabelled(), sandboxedPod(), ""},
		"loses the label":                  {chartPod(), unlabelled(), ""},
		"was opted out":                    {labelled(chartPod(), modeLabel, "off"), chartPod(), isPrivileged},
		"was opted out, loses both labels": {labelled(chartPod(), modeLabel, "off"), unlabelled(), ""},
		"opts out":                         {chartPod(), labelled(chartPod(), modeLabel, "off"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			test.old.Namespace, test.pod.Namespace = "retool", "retool"
			expect(t, review(plugin, admission.Update, "", test.pod, test.old), test.want)
		})
	}
}

func TestEphemeralContainersMustNotBePrivileged(t *testing.T) {
	plugin := newPlugin(t)
	for name, test := range map[string]struct {
		old, pod *corev1.Pod
		want     string
	}{
		"privileged":             {sandboxedPod(), withDebugger(sandboxedPod(), "debug", ptr(true)), debugger},
		"not privileged":         {sandboxedPod(), withDebugger(sandboxedPod(), "debug", ptr(false)), ""},
		"says nothing of it":     {sandboxedPod(), withDebugger(sandboxedPod(), "debug", nil), ""},
		"in an older, loose pod": {chartPod(), withDebugger(chartPod(), "debug", nil), ""},
		"one of before":          {withDebugger(sandboxedPod(), "old", ptr(true)), withDebugger(withDebugger(sandboxedPod(), "old", ptr(true)), "new", nil), ""},
		"two, the second":        {withDebugger(sandboxedPod(), "old", nil), withDebugger(withDebugger(sandboxedPod(), "old", nil), "new", ptr(true)), debugger},
		"opted out":              {labelled(sandboxedPod(), modeLabel, "off"), labelled(withDebugger(sandboxedPod(), "debug", ptr(true)), modeLabel, "off"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			test.old.Namespace, test.pod.Namespace = "retool", "retool"
			expect(t, review(plugin, admission.Update, "ephemeralcontainers", test.pod, test.old), test.want)
		})
	}
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
		config, _ := os.ReadFile(filepath.Join(directory, "config.yaml"))
		if strings.Contains(string(config), "localhostProfile") || strings.Contains(string(config), "containerName") {
			continue // whoever changes those changes the policy, too
		}
		var review struct {
			Request struct{ Object json.RawMessage }
		}
		var want struct {
			Outcome string
			Patch   json.RawMessage
		}
		parse(t, filepath.Join(directory, "review.json"), &review)
		parse(t, filepath.Join(directory, "want.json"), &want)
		if want.Outcome != "sandboxed" && want.Outcome != "privileged" {
			continue
		}
		patch, err := jsonpatch.DecodePatch(want.Patch)
		if err != nil {
			t.Fatal(directory, err)
		}
		object, err := patch.Apply(review.Request.Object)
		if err != nil {
			t.Fatal(directory, err)
		}
		pod := toPod(t, object)
		if pod.Labels[chartLabel] != "code-executor" {
			continue // the webhook's selector would not have matched either
		}
		seen[want.Outcome]++
		t.Run(filepath.Base(directory), func(t *testing.T) {
			expect(t, create(t, plugin, "retool", pod), map[string]string{"privileged": isPrivileged}[want.Outcome])
		})
	}
	if seen["sandboxed"] < 30 || seen["privileged"] < 5 {
		t.Errorf("cases looked at: %v (expected at least 30 sandboxed and 5 privileged)", seen)
	}
}

func parse(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func TestALargePodStaysWithinTheCostLimit(t *testing.T) {
	plugin := newPlugin(t)
	pod := sandboxedPod()
	for i := range 5000 {
		pod.Spec.Containers[0].Env = append(pod.Spec.Containers[0].Env,
			corev1.EnvVar{Name: fmt.Sprintf("VARIABLE_%d", i), Value: strings.Repeat("x", 100)})
	}
	for i := range 500 {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: fmt.Sprintf("sidecar-%d", i)})
	}
	expect(t, create(t, plugin, "retool", pod), "")
}

// An API server takes in new policies what the release before it knew: 1.33 compiles them with
// compatibility version 1.32, and 1.32 with 1.31.
func TestOnlyServersFrom133OnTakeThePolicy(t *testing.T) {
	if errors := compile(t, version.MajorMinor(1, 32)); len(errors) != 0 {
		t.Errorf("1.33 refuses the policy: %v", errors)
	}
	if errors := compile(t, version.MajorMinor(1, 31)); len(errors) == 0 {
		t.Error("1.32 takes the policy (expected it not to compile)")
	}
}

func compile(t *testing.T, compatibility *version.Version) (errors []string) {
	policy := loadPolicy(t)
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(compatibility, true))
	if err != nil {
		t.Fatal(err)
	}
	options := cel.OptionalVariableDeclarations{HasAuthorizer: true, StrictCost: true}
	note := func(result cel.CompilationResult) {
		if result.Error != nil {
			errors = append(errors, result.Error.Error())
		}
	}
	for _, each := range policy.Spec.Variables {
		note(compiler.CompileAndStoreVariable(
			&validating.Variable{Name: each.Name, Expression: each.Expression}, options, environment.NewExpressions))
	}
	for _, each := range policy.Spec.MatchConditions {
		note(compiler.CompileCELExpression(
			(*matchconditions.MatchCondition)(&each), options, environment.NewExpressions))
	}
	for _, each := range policy.Spec.Validations {
		note(compiler.CompileCELExpression(
			&validating.ValidationCondition{Expression: each.Expression}, options, environment.NewExpressions))
	}
	return errors
}
