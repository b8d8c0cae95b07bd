package policy

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const chartLabel = "telemetry.retool.com/service-name"

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
