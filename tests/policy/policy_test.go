package policy

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/cel/environment"
)

func TestEachPodIsJudgedAsTheTableSays(t *testing.T) {
	shipped := newPlugin(t)
	for _, each := range loadCases(t) {
		plugin := shipped
		if each.HostPaths != nil {
			plugin = newPluginOf(t, withHostPaths(t, loadPolicy(t), each.HostPaths), loadBinding(t))
		}
		t.Run(each.name, func(t *testing.T) {
			if wrong := each.verdict(t, plugin); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// The policy as an administrator changes it.
func withHostPaths(t *testing.T, policy *policyObject, paths []string) *policyObject {
	t.Helper()
	for i := range policy.Spec.Variables {
		if policy.Spec.Variables[i].Name == "hostPaths" {
			policy.Spec.Variables[i].Expression = "['" + strings.Join(paths, "', '") + "']"
			return policy
		}
	}
	t.Fatal("the policy has no variable hostPaths")
	return nil
}

func TestNamespacesThatHealTheClusterAreLeftAlone(t *testing.T) {
	plugin := newPlugin(t)
	for namespace, want := range map[string]string{
		"retool": "a container is privileged", "kube-system": "", "code-executor-webhook": ""} {
		expect(t, create(t, plugin, namespace, chartPod()), want)
	}
}

func TestALargePodStaysWithinTheCostLimit(t *testing.T) {
	pod := newPod(t, "sandboxed")
	target := &pod.Spec.Containers[0]
	for i := range 5000 {
		target.Env = append(target.Env,
			corev1.EnvVar{Name: fmt.Sprintf("VARIABLE_%d", i), Value: strings.Repeat("x", 100)})
	}
	for i := range 500 {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: fmt.Sprintf("sidecar-%d", i)})
	}
	expect(t, create(t, newPlugin(t), "retool", pod), "")
}

// An API server takes in new policies what the release before it knew: 1.33 compiles them with
// compatibility version 1.32, and 1.32 with 1.31.
func TestOnlyServersFrom133OnTakeThePolicy(t *testing.T) {
	if errors := compile(t, loadPolicy(t), version.MajorMinor(1, 32)); len(errors) != 0 {
		t.Errorf("1.33 refuses the policy: %v", errors)
	}
	if errors := compile(t, loadPolicy(t), version.MajorMinor(1, 31)); len(errors) == 0 {
		t.Error("1.32 takes the policy (expected it not to compile)")
	}
}

func compile(t *testing.T, policy *policyObject, compatibility *version.Version) (errors []string) {
	t.Helper()
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
