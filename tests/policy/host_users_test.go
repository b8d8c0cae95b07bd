package policy

import (
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"
)

func loadHostUsersPolicy(t *testing.T) *policyObject {
	return load[policyObject](t, filepath.Join(base, "host-users-policy.yaml"))
}

// As an API server without the features stores it.
func dropped(pod *corev1.Pod) *corev1.Pod {
	pod.Spec.HostUsers = nil
	for i := range pod.Spec.Containers {
		if context := pod.Spec.Containers[i].SecurityContext; context != nil && context.ProcMount != nil {
			context.ProcMount = ptr(corev1.DefaultProcMount)
		}
	}
	return pod
}

// A target as release 0.1.0 made it, or as the chart's own sandbox and its js-executor are, which say nothing of
// privilege escalation.
func named(pod *corev1.Pod, profile string) *corev1.Pod {
	pod.Spec.Containers[0].SecurityContext.SeccompProfile.LocalhostProfile = &profile
	return pod
}

func with(pod *corev1.Pod, change func(*corev1.Pod)) *corev1.Pod {
	change(pod)
	return pod
}

func TestOurProfileWithoutAUserNamespaceIsRefused(t *testing.T) {
	const legacy = "profiles/nsjail-seccomp.json"
	binding := load[bindingObject](t, filepath.Join(base, "host-users-policy-binding.yaml"))
	plugin := newPluginOf(t, loadHostUsersPolicy(t), binding)
	sandboxed := func() *corev1.Pod { return newPod(t, "sandboxed") }
	for name, test := range map[string]struct {
		pod     *corev1.Pod
		refused bool
	}{
		"sandboxed":                  {sandboxed(), false},
		"sandboxed, preinstalled":    {newPod(t, "preinstalled"), false},
		"sandboxed by release 0.1.0": {named(sandboxed(), legacy), false},
		"the chart's pod":            {newPod(t, "chart"), false},
		"no context":                 {newPod(t, "plain"), false},
		"dropped":                    {dropped(sandboxed()), true},
		"dropped, without label":     {with(dropped(sandboxed()), func(p *corev1.Pod) { p.Labels = nil }), true},
		"dropped, preinstalled":      {dropped(newPod(t, "preinstalled")), true},
		"dropped, of release 0.1.0":  {named(dropped(sandboxed()), legacy), true},
		"hostUsers: true": {with(dropped(sandboxed()), func(p *corev1.Pod) {
			p.Spec.HostUsers = ptr(true)
		}), true},
		"another container's": {with(dropped(sandboxed()), func(p *corev1.Pod) {
			p.Spec.Containers[0].Name = "jail"
		}), true},
		"an init container's": {with(dropped(sandboxed()), func(p *corev1.Pod) {
			p.Spec.InitContainers, p.Spec.Containers = p.Spec.Containers[:1], p.Spec.Containers[1:]
		}), true},
		"another profile": {named(dropped(sandboxed()), "profiles/other.json"), false},
		"a name like it":  {named(dropped(sandboxed()), "profiles/nsjail-seccomp-0123.json"), false},
		"the chart's own sandbox": {with(named(dropped(sandboxed()), legacy), func(p *corev1.Pod) {
			p.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil
		}), false},
		"the chart's js-executor": {with(named(dropped(sandboxed()), legacy), func(p *corev1.Pod) {
			p.Spec.Containers[0].Name = "js-executor"
		}), false},
	} {
		t.Run(name, func(t *testing.T) {
			want := map[bool]string{true: "spec.hostUsers is not false"}[test.refused]
			expect(t, create(t, plugin, "retool", test.pod), want)
		})
	}
}

// Base asks for Kubernetes 1.30, which compiles new policies with compatibility version 1.29.
func TestServersFrom130OnTakeThePolicyOfBase(t *testing.T) {
	if errors := compile(t, loadHostUsersPolicy(t), version.MajorMinor(1, 29)); len(errors) != 0 {
		t.Errorf("1.30 refuses the policy: %v", errors)
	}
}
