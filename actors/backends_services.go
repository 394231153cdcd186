package actors

import (
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"lb/messages"
)

// reconcileServices starts and stops children, so that there is one for each service name in the configuration.
func (b *backends) reconcileServices(ctx actor.Context) {
	keep := make(map[string]bool)
	for _, configured := range b.config.Backends {
		if configured.Scheme != messages.SRV {
			continue
		}
		name := configured.Host
		keep[name] = true
		l := b.services[name]
		if l == nil {
			l = &listing{}
			b.services[name] = l
		}
		if l.pid == nil {
			l.pid = b.spawn(ctx, serviceName(name), func() actor.Actor {
				return &service{system: b.system, resolver: b.resolver, log: b.log, name: name}
			})
		}
	}
	for name, l := range b.services {
		if !keep[name] {
			b.dismiss(ctx, l.pid, serviceName(name))
			delete(b.services, name)
		}
	}
}

// wanted are the backends of the configuration, what services list in the place of their entries. Of two with one identity
// the first counts.
func (b *backends) wanted() (list []messages.Backend) {
	seen := make(map[string]bool)
	add := func(backend messages.Backend) {
		if id := backend.ID(); !seen[id] && len(list) < messages.MaxBackends {
			seen[id] = true
			list = append(list, backend)
		}
	}
	for _, configured := range b.config.Backends {
		if configured.Scheme != messages.SRV {
			add(configured)
			continue
		}
		for _, s := range b.services[configured.Host].services {
			add(messages.Backend{
				Scheme: messages.ServiceScheme(configured.Host), Host: s.Host, Port: s.Port, Weight: s.Weight,
				Max: configured.Max,
			})
		}
	}
	return list
}

// list takes what a service name lists. A failing lookup keeps the last good list.
func (b *backends) list(ctx actor.Context, m listed) {
	l := b.services[m.name]
	if l == nil {
		return
	}
	first := !l.asked
	l.asked = true
	if m.err == nil && !slices.Equal(l.services, m.services) {
		l.services = m.services
		b.reconcile(ctx)
	} else if first {
		b.change(ctx)
	}
}

func serviceName(name string) string { return "service/" + name }
