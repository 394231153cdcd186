package messages

import "strings"

// serviceSchemes are the schemes of the backends that a service name lists, by its first label.
var serviceSchemes = map[string]Scheme{"_http": HTTP, "_https": HTTPS, "_h2c": H2C}

// ServiceScheme is the scheme of the backends that a service name lists. It is HTTP for a name that ParseBackend refuses.
func ServiceScheme(name string) Scheme {
	label, _, _ := strings.Cut(name, ".")
	return serviceSchemes[label]
}

// serviceName reads the name of a service, _Service._Proto.Name of RFC 2782; whole is the word for the error.
func serviceName(whole, s string) (string, error) {
	if strings.ContainsAny(s, ":[]/?#@") {
		return "", badBackend(whole, "a service is srv://_http._tcp.name; DNS tells its ports")
	}
	name, err := canonicalHost(whole, s)
	if err != nil {
		return "", err
	}
	labels := strings.SplitN(name, ".", 3)
	if _, known := serviceSchemes[labels[0]]; !known || len(labels) < 3 || labels[1] != "_tcp" || labels[2] == "" {
		return "", badBackend(whole, "a service is srv://_http._tcp.name, with _http, _https or _h2c")
	}
	return name, nil
}
