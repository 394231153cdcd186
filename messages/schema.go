package messages

import (
	"encoding/json"
	"strings"
)

// schemaDialect is the version of JSON Schema that ConfigSchema keeps to.
const schemaDialect = "https://json-schema.org/draft/2020-12/schema"

// Forms of times and sizes, as ParseDuration and ParseBytes read them.
const (
	timePattern = `^\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`
	sizePattern = `^[0-9]+([kKmMgG]([iI]?[bB])?|[bB])?$`
)

// schema is the part of JSON Schema that a configuration file needs.
type schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type"`
	Required    []string           `json:"required,omitempty"`
	OneOf       []required         `json:"oneOf,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Additional  *bool              `json:"additionalProperties,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	MinItems    int                `json:"minItems,omitempty"`
	MaxItems    int                `json:"maxItems,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Minimum     *int               `json:"minimum,omitempty"`
	Maximum     *int               `json:"maximum,omitempty"`
	Default     any                `json:"default,omitempty"`
}

type required struct {
	Required []string `json:"required"`
}

// ConfigSchema returns the JSON Schema of configuration files, indented. It is written from the tables by which
// DecodeConfig reads, so it cannot tell of other keys than those. A file that DecodeConfig takes is valid by it; the
// reverse holds but for what a schema cannot say, such as that no two backends are the same.
func ConfigSchema() []byte {
	root := object("Configuration of lb", "backends")
	root.Dialect, root.Title, root.Description = schemaDialect, root.Description, ""
	root.Properties["$schema"] = &schema{Type: "string", Description: "where this schema is; lb does not read it"}
	root.Properties["backends"] = &schema{
		Type: "array", Description: "servers that requests are forwarded to", Items: backendSchema(),
		MinItems: 1, MaxItems: MaxBackends,
	}
	for _, s := range allSettings {
		parent, key := root, s.Path
		if group, rest, grouped := strings.Cut(s.Path, "."); grouped {
			key = rest
			if root.Properties[group] == nil {
				root.Properties[group] = object("")
			}
			parent = root.Properties[group]
		}
		parent.Properties[key] = s.schema()
	}
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("a schema of strings and numbers is not JSON: " + err.Error())
	}
	return append(text, '\n')
}

func object(description string, needed ...string) *schema {
	closed := false
	return &schema{
		Type: "object", Description: description, Required: needed, Properties: make(map[string]*schema), Additional: &closed,
	}
}

func backendSchema() *schema {
	b := object("a server, by host and port, or the servers of a service name")
	b.OneOf = []required{{[]string{"host", "port"}}, {[]string{"srv"}}}
	for _, k := range backendKeys {
		b.Properties[k.name] = Setting{Doc: k.doc, Kind: k.kind, Least: k.least, Most: k.most}.form()
	}
	return b
}

// schema describes the setting with its default.
func (s Setting) schema() *schema {
	form := s.form()
	word := s.Show(DefaultSettings())
	switch s.Kind {
	case Switch:
		form.Default = word == "true"
	case List:
	case Count:
		if word != "0" || s.Least == 0 {
			form.Default = json.Number(word)
		}
	case Text, Word, Time, Size:
		form.Default = word
	}
	return form
}

func (s Setting) form() *schema {
	form := &schema{Type: "string", Description: s.Doc}
	switch s.Kind {
	case Word:
		form.Enum = s.Words
	case Time:
		form.Pattern = timePattern
	case Size:
		form.Type, form.Pattern, form.Minimum = []string{"string", "integer"}, sizePattern, new(int)
	case Count:
		form.Type, form.Minimum, form.Maximum = "integer", &s.Least, &s.Most
	case Switch:
		form.Type = "boolean"
	case List:
		form.Type, form.Items = "array", &schema{Type: "string"}
	case Text:
	}
	return form
}
