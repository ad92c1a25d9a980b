// Command kubecheck decodes Kubernetes manifests into the API's own Go types and refuses fields
// that those types do not have.
//
//	kubecheck [-foreign KIND.group/version]... FILE...
//
// A file may hold many YAML documents. Kinds that Kubernetes itself does not define (custom
// resources) are refused too, unless named with -foreign. It prints one line per fault and ends
// with 1 when there was any.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	jsonserializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// foreignKinds collects the values of -foreign.
type foreignKinds map[string]bool

func (f foreignKinds) String() string { return "" }

func (f foreignKinds) Set(value string) error {
	f[value] = true
	return nil
}

// head is what every manifest must say about itself.
type head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
}

// checkDocument returns the kind and name of one manifest, or why it is refused.
func checkDocument(document []byte, foreign foreignKinds) (string, error) {
	var is head
	if err := yaml.Unmarshal(document, &is); err != nil {
		return "", err
	}
	name := is.Kind + "/" + is.Metadata.Name
	if is.APIVersion == "" || is.Kind == "" || is.Metadata.Name == "" {
		return name, errors.New("apiVersion, kind and metadata.name are required")
	}
	kind := schema.FromAPIVersionAndKind(is.APIVersion, is.Kind)
	if !scheme.Scheme.Recognizes(kind) {
		if foreign[is.Kind+"."+is.APIVersion] {
			return name, nil
		}
		return name, fmt.Errorf("Kubernetes has no kind %s in %s", is.Kind, is.APIVersion)
	}
	decoder := jsonserializer.NewSerializerWithOptions(
		jsonserializer.DefaultMetaFactory, scheme.Scheme, scheme.Scheme,
		jsonserializer.SerializerOptions{Yaml: true, Strict: true})
	_, _, err := decoder.Decode(document, nil, nil)
	return name, err
}

// checkStream checks all documents of a stream; returns how many there were and how many failed.
func checkStream(source string, in io.Reader, foreign foreignKinds) (int, int) {
	documents, faults := 0, 0
	reader := utilyaml.NewYAMLReader(bufio.NewReader(in))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, faults
		}
		if err != nil {
			fmt.Printf("%s: %v\n", source, err)
			return documents, faults + 1
		}
		if isEmpty(document) {
			continue
		}
		documents++
		name, err := checkDocument(document, foreign)
		if err != nil {
			faults++
			fmt.Printf("%s: %s: %v\n", source, name, err)
		}
	}
}

// isEmpty says whether a document holds only comments and separators.
func isEmpty(document []byte) bool {
	for _, line := range bytes.Split(document, []byte("\n")) {
		text := strings.TrimSpace(string(line))
		if text != "" && text != "---" && !strings.HasPrefix(text, "#") {
			return false
		}
	}
	return true
}

func main() {
	foreign := foreignKinds{}
	flag.Var(foreign, "foreign", "custom resource to let pass, as Kind.group/version")
	flag.Parse()
	documents, faults := 0, 0
	for _, path := range flag.Args() {
		file, err := os.Open(path)
		if err != nil {
			fmt.Println(err)
			os.Exit(2)
		}
		d, f := checkStream(path, file, foreign)
		file.Close()
		documents += d
		faults += f
	}
	fmt.Printf("%d manifests, %d refused\n", documents, faults)
	if faults > 0 || documents == 0 {
		os.Exit(1)
	}
}
