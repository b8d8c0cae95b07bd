// The webhook's mutation with controller-runtime, as its documentation writes one: the pod is decoded, changed
// and encoded again, and the library makes the patch.
//
//	webhook PORT DIRECTORY FRAGMENTS
//
// DIRECTORY has tls.crt and tls.key; FRAGMENTS is a JSON file of what is injected.
package main

import (
	"context"
	"encoding/json"
	"log"
	"maps"
	"net/http"
	"os"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

const target = "code-executor"

type fragments struct {
	Annotations     map[string]string       `json:"annotations"`
	Volumes         []corev1.Volume         `json:"volumes"`
	Installer       corev1.Container        `json:"installer"`
	SecurityContext *corev1.SecurityContext `json:"securityContext"`
}

type sandboxer struct {
	decoder   admission.Decoder
	fragments fragments
}

func (s *sandboxer) Handle(ctx context.Context, request admission.Request) admission.Response {
	pod := &corev1.Pod{}
	if err := s.decoder.Decode(request, pod); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if !s.sandbox(pod) {
		return admission.Allowed("")
	}
	changed, err := json.Marshal(pod)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	ctrl.LoggerFrom(ctx).Info("review", "uid", request.UID, "namespace", request.Namespace,
		"name", pod.GenerateName, "outcome", "sandboxed")
	return admission.PatchResponseFromRaw(request.Object.Raw, changed)
}

// sandbox changes the pod of a target without a securityContext of its own.
func (s *sandboxer) sandbox(pod *corev1.Pod) bool {
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		if container.Name != target {
			continue
		}
		if container.SecurityContext != nil && *container.SecurityContext != (corev1.SecurityContext{}) {
			return false
		}
		container.SecurityContext = s.fragments.SecurityContext
		no := false
		pod.Spec.HostUsers = &no
		if pod.Annotations == nil {
			pod.Annotations = map[string]string{}
		}
		maps.Copy(pod.Annotations, s.fragments.Annotations)
		pod.Spec.Volumes = append(pod.Spec.Volumes, s.fragments.Volumes...)
		pod.Spec.InitContainers = append([]corev1.Container{s.fragments.Installer}, pod.Spec.InitContainers...)
		return true
	}
	return false
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: webhook PORT DIRECTORY FRAGMENTS")
	}
	port, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		log.Fatal(err)
	}
	handler := &sandboxer{decoder: admission.NewDecoder(scheme)}
	if err := json.Unmarshal(text, &handler.fragments); err != nil {
		log.Fatal(err)
	}
	ctrl.SetLogger(zap.New())
	server := webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: port, CertDir: os.Args[2]})
	server.Register("/mutate", &webhook.Admission{Handler: handler})
	log.Fatal(server.Start(ctrl.SetupSignalHandler()))
}
