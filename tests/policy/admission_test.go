// Package policy asks the API server's own admission code what it thinks of the final-state policy.
package policy

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta/testrestmapper"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/util/feature"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const (
	folder = "../../manifests/final-state-policy"
	base   = "../../manifests/base"
)

func load[T any](t *testing.T, path string) *T {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	object := new(T)
	if err := yaml.UnmarshalStrict(text, object); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return object
}

type (
	policyObject  = admissionv1.ValidatingAdmissionPolicy
	bindingObject = admissionv1.ValidatingAdmissionPolicyBinding
)

func loadPolicy(t *testing.T) *policyObject {
	return load[policyObject](t, filepath.Join(folder, "validating-admission-policy.yaml"))
}

func loadBinding(t *testing.T) *bindingObject {
	return load[bindingObject](t, filepath.Join(folder, "validating-admission-policy-binding.yaml"))
}

// The final-state policy as it is shipped.
func newPlugin(t *testing.T) *validating.Plugin {
	return newPluginOf(t, loadPolicy(t), loadBinding(t))
}

// The admission plugin of kube-apiserver, in a cluster that has this policy and this binding.
func newPluginOf(t *testing.T, policy *policyObject, binding *bindingObject) *validating.Plugin {
	t.Helper()
	objects := []runtime.Object{withDefaults(policy), binding}
	objects = append(objects, sentinel()...)
	for _, name := range []string{"retool", "kube-system", "code-executor-webhook"} {
		objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{"kubernetes.io/metadata.name": name}}})
	}
	client := fake.NewClientset(objects...)
	factory := informers.NewSharedInformerFactory(client, 0)
	plugin := validating.NewPlugin(nil)
	initializer.New(client, dynamicfake.NewSimpleDynamicClient(scheme.Scheme), factory,
		authorizerfactory.NewAlwaysAllowAuthorizer(), feature.DefaultFeatureGate, t.Context().Done(),
		testrestmapper.TestOnlyStaticRESTMapper(scheme.Scheme)).Initialize(plugin)
	if err := plugin.ValidateInitialization(); err != nil {
		t.Fatal(err)
	}
	factory.Start(t.Context().Done())
	factory.WaitForCacheSync(t.Context().Done())
	if !plugin.WaitForReady() {
		t.Fatal("the admission plugin is not ready")
	}
	waitUntilItRefuses(t, plugin)
	return plugin
}

// A second policy, which refuses one pod whatever the first is.
func sentinel() []runtime.Object {
	policy := &policyObject{ObjectMeta: metav1.ObjectMeta{Name: "sentinel"}}
	policy.Spec.MatchConstraints = &admissionv1.MatchResources{
		MatchPolicy: ptr(admissionv1.Equivalent),
		ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
			Operations: []admissionv1.OperationType{"CREATE"},
			Rule: admissionv1.Rule{
				APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}}}}}}
	policy.Spec.Validations = []admissionv1.Validation{{Expression: "object.metadata.?name.orValue('') != 'sentinel'"}}
	binding := &bindingObject{ObjectMeta: metav1.ObjectMeta{Name: "sentinel"}}
	binding.Spec.PolicyName = "sentinel"
	binding.Spec.ValidationActions = []admissionv1.ValidationAction{admissionv1.Deny}
	return []runtime.Object{withDefaults(policy), binding}
}

// The plugin compiles all policies at once, in the background, and admits everything until then.
func waitUntilItRefuses(t *testing.T, plugin *validating.Plugin) {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "sentinel"}}
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, 30*time.Second, true,
		func(context.Context) (bool, error) { return create(t, plugin, "retool", pod) != nil, nil })
	if err != nil {
		t.Fatal("the plugin refuses nothing")
	}
}

// What the API server fills in where an object leaves it out.
func withDefaults(policy *policyObject) *policyObject {
	match := policy.Spec.MatchConstraints
	if match.NamespaceSelector == nil {
		match.NamespaceSelector = &metav1.LabelSelector{}
	}
	if match.ObjectSelector == nil {
		match.ObjectSelector = &metav1.LabelSelector{}
	}
	return policy
}

func review(plugin *validating.Plugin, operation admission.Operation, subresource string,
	pod, old *corev1.Pod) error {
	var previous runtime.Object
	var options runtime.Object = &metav1.CreateOptions{}
	if old != nil {
		previous, options = old, &metav1.UpdateOptions{}
	}
	attributes := admission.NewAttributesRecord(pod, previous,
		corev1.SchemeGroupVersion.WithKind("Pod"), pod.Namespace, pod.Name,
		corev1.SchemeGroupVersion.WithResource("pods"), subresource, operation, options, false,
		&user.DefaultInfo{Name: "system:serviceaccount:kube-system:replicaset-controller"})
	return plugin.Validate(context.Background(), attributes,
		admission.NewObjectInterfacesFromScheme(scheme.Scheme))
}

func create(t *testing.T, plugin *validating.Plugin, namespace string, pod *corev1.Pod) error {
	t.Helper()
	pod = pod.DeepCopy()
	pod.Namespace = namespace
	return review(plugin, admission.Create, "", pod, nil)
}

// want is part of the message of the refusal; empty: the pod is let through.
func expect(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && err == nil:
		t.Errorf("let through (expected a refusal with %q)", want)
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("refused: %v (expected %q)", err, want)
	}
}

func toPod(t *testing.T, text []byte) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{}
	if err := json.Unmarshal(text, pod); err != nil {
		t.Fatal(err)
	}
	return pod
}
