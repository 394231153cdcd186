package messages

import (
	"errors"
	"fmt"
)

// backendKey is what an object of backends may have.
type backendKey struct {
	name, doc   string
	kind        Kind
	least, most int // of a Count
	read        func(d *decoder, e *backendEntry, k backendKey) error
}

// backendEntry is a backend on its way from the file.
type backendEntry struct {
	backend                 Backend
	host, srv               string
	hostAt, srvAt           int
	hasHost, hasPort        bool
	hasSRV, hasTLS, withTLS bool
}

var backendKeys = []backendKey{
	{name: "host", doc: "host name or IP address", kind: Text, read: (*decoder).backendHost},
	{name: "port", doc: "port", kind: Count, least: 1, most: 65535, read: (*decoder).backendPort},
	{name: "srv", doc: "service name of DNS, instead of host and port", kind: Text, read: (*decoder).backendService},
	{
		name: "weight", doc: "share of requests under the weighted strategy; 1", kind: Count, least: 1, most: MaxWeight,
		read: (*decoder).backendWeight,
	},
	{
		name: "max", doc: "exchanges that run on it at a time; no limit when not given", kind: Count, least: 1,
		most: MaxExchanges, read: (*decoder).backendMax,
	},
	{name: "tls", doc: "speak TLS; false unless the port is 443", kind: Switch, read: (*decoder).backendTLS},
}

func backendKeyNames() []string {
	var names []string
	for _, k := range backendKeys {
		names = append(names, k.name)
	}
	return names
}

// backends reads the array of them.
func (d *decoder) backends() error {
	start := d.at
	err := d.array(func(i int) error {
		if i == MaxBackends {
			return d.fault(d.at, fmt.Errorf("more than %d backends", MaxBackends))
		}
		return d.backend(i)
	})
	if err == nil && len(d.file.Config.Backends) == 0 {
		err = d.fault(start, errors.New("has no backend"))
	}
	return err
}

// backend reads one object. What it says is put together as -b would have it, so that both are understood alike.
func (d *decoder) backend(i int) error {
	start, outer := d.at, d.path
	e := backendEntry{backend: Backend{Weight: 1}}
	err := d.object(func(name string) error {
		for _, k := range backendKeys {
			if k.name == name {
				d.file.given[fmt.Sprintf("backends[%d].%s", i, name)] = d.at
				return k.read(d, &e, k)
			}
		}
		return d.unknownKey(outer, name, backendKeyNames())
	})
	if err != nil {
		return err
	}
	b, err := d.assemble(start, e)
	if err != nil {
		return err
	}
	id := b.ID()
	if first, twice := d.seen[id]; twice {
		return d.fault(start, &InvalidError{Word: id, Why: fmt.Sprintf("named twice, first in $.backends[%d]", first)})
	}
	d.seen[id] = i
	d.file.given[fmt.Sprintf("backends[%d]", i)] = start
	d.file.Config.Backends = append(d.file.Config.Backends, b)
	return nil
}

// assemble makes the backend that an object describes.
func (d *decoder) assemble(start int, e backendEntry) (b Backend, err error) {
	b = e.backend
	switch {
	case e.hasSRV && (e.hasHost || e.hasPort || e.hasTLS):
		return b, d.fault(start, errors.New(`"srv" stands instead of "host", "port" and "tls", not beside them`))
	case e.hasSRV:
		b.Scheme = SRV
		b.Host, err = serviceName(e.srv, e.srv)
		return b, d.badHost(e.srvAt, ".srv", e.srv, err)
	case !e.hasHost:
		return b, d.fault(start, errors.New(`"host" is missing`))
	case !e.hasPort:
		return b, d.fault(start, errors.New(`"port" is missing`))
	case e.withTLS, !e.hasTLS && b.Port == tlsPort:
		b.Scheme = HTTPS
	}
	b.Host, err = canonicalHost(e.host, e.host)
	return b, d.badHost(e.hostAt, ".host", e.host, err)
}

// badHost puts an error in its place, and leaves nil alone.
func (d *decoder) badHost(at int, path, host string, err error) error {
	switch {
	case err == nil:
		return nil
	case host == "":
		err = errors.New("is empty")
	}
	return d.inside(path, func() error { return d.fault(at, err) })
}

func (d *decoder) backendHost(e *backendEntry, _ backendKey) (err error) {
	e.hasHost, e.hostAt = true, d.at
	e.host, err = d.string()
	return err
}

func (d *decoder) backendService(e *backendEntry, _ backendKey) (err error) {
	e.hasSRV, e.srvAt = true, d.at
	e.srv, err = d.string()
	return err
}

func (d *decoder) backendPort(e *backendEntry, k backendKey) error {
	n, err := d.whole(k.least, k.most)
	e.hasPort, e.backend.Port = true, uint16(n)
	return err
}

func (d *decoder) backendWeight(e *backendEntry, k backendKey) (err error) {
	e.backend.Weight, err = d.whole(k.least, k.most)
	return err
}

func (d *decoder) backendMax(e *backendEntry, k backendKey) (err error) {
	e.backend.Max, err = d.whole(k.least, k.most)
	return err
}

func (d *decoder) backendTLS(e *backendEntry, _ backendKey) (err error) {
	e.hasTLS = true
	e.withTLS, err = d.boolean()
	return err
}
