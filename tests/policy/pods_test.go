package policy

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	chartLabel = "telemetry.retool.com/service-name"
	modeLabel  = "code-executor-webhook/mode"
)

func ptr[T any](value T) *T { return &value }

// A pod as the chart makes it, privileged.
func chartPod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: "code-executor-", Labels: map[string]string{chartLabel: "code-executor"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name:            "code-executor",
			SecurityContext: &corev1.SecurityContext{Privileged: ptr(true)},
		}}},
	}
}

// The parts of a sandboxed pod that the policy looks at.
func sandboxedPod() *corev1.Pod {
	pod := chartPod()
	pod.Spec.HostUsers = ptr(false)
	pod.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{
		SeccompProfile: localhost("profiles/nsjail-seccomp.json")}
	return pod
}

func localhost(path string) *corev1.SeccompProfile {
	return &corev1.SeccompProfile{
		Type: corev1.SeccompProfileTypeLocalhost, LocalhostProfile: &path}
}

// A pod, changed in one respect.
func with(pod *corev1.Pod, change func(*corev1.Pod)) *corev1.Pod {
	change(pod)
	return pod
}

func labelled(pod *corev1.Pod, key, value string) *corev1.Pod {
	return with(pod, func(pod *corev1.Pod) { pod.Labels[key] = value })
}

func withEnv(pod *corev1.Pod, values ...string) *corev1.Pod {
	for _, value := range values {
		pod.Spec.Containers[0].Env = append(pod.Spec.Containers[0].Env,
			corev1.EnvVar{Name: "CONTAINER_UNPRIVILEGED_MODE", Value: value},
			corev1.EnvVar{Name: "OTHER", Value: "true"})
	}
	return pod
}

func withDebugger(pod *corev1.Pod, name string, privileged *bool) *corev1.Pod {
	pod.Spec.EphemeralContainers = append(pod.Spec.EphemeralContainers,
		corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name: name, SecurityContext: &corev1.SecurityContext{Privileged: privileged}}})
	return pod
}
