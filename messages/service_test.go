package messages

import "testing"

func TestParseServiceName(t *testing.T) {
	for in, want := range map[string]Backend{
		"srv://_http._tcp.Web.Example":        {Scheme: SRV, Host: "_http._tcp.web.example", Weight: 1},
		"SRV://_https._tcp.web,weight=3":      {Scheme: SRV, Host: "_https._tcp.web", Weight: 3},
		"srv://_h2c._tcp.web.default.svc.lan": {Scheme: SRV, Host: "_h2c._tcp.web.default.svc.lan", Weight: 1},
	} {
		got, err := ParseBackend(in)
		if err != nil || got != want {
			t.Errorf("ParseBackend(%q) = %+v, %v; want %+v", in, got, err, want)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%q: %v", in, err)
		}
		if again, err := ParseBackend(got.String()); err != nil || again != got {
			t.Errorf("%q is written as %q, which is read as %+v, %v", in, got, again, err)
		}
	}
}

func TestServiceNameTellsTheScheme(t *testing.T) {
	for name, want := range map[string]Scheme{"_http._tcp.a": HTTP, "_https._tcp.a": HTTPS, "_h2c._tcp.a": H2C} {
		if got := ServiceScheme(name); got != want {
			t.Errorf("ServiceScheme(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestServiceNamesRefused(t *testing.T) {
	const form, ports = "a service is srv://_http._tcp.name, with _http, _https or _h2c",
		"a service is srv://_http._tcp.name; DNS tells its ports"
	for in, why := range map[string]string{
		"srv://web.example":           form,
		"srv://_http._udp.web":        form,
		"srv://_ldap._tcp.web":        form,
		"srv://_http._tcp":            form,
		"srv://_http._tcp.":           form,
		"srv://_http._tcp.web:80":     ports,
		"srv://_http._tcp.web/path":   ports,
		"srv://":                      "not a host name or IP address",
		"srv://_http._tcp.web/path?q": ports,
	} {
		want := `backend "` + in + `": ` + why
		if _, err := ParseBackend(in); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
