package messages

import "fmt"

// Changes names what differs between two settings, each in one short text: "timeouts.idle 1m -> 5s", "backend a:80
// added". Fixed settings are not among them: FixedChanges has those.
func Changes(from, to Settings) []string {
	changes := backendChanges(from.Config.Backends, to.Config.Backends)
	for _, s := range allSettings {
		if before, after := s.Show(from), s.Show(to); before != after && !s.Fixed {
			changes = append(changes, fmt.Sprintf("%s %s -> %s", s.Path, shown(before), shown(after)))
		}
	}
	return changes
}

// FixedChanges lists the paths of settings that differ and that only the next start of lb heeds.
func FixedChanges(from, to Settings) []string {
	var paths []string
	for _, s := range allSettings {
		if s.Fixed && s.Show(from) != s.Show(to) {
			paths = append(paths, s.Path)
		}
	}
	return paths
}

func backendChanges(from, to []Backend) (changes []string) {
	before, order := make(map[string]Backend, len(from)), make(map[string]int, len(from))
	for i, b := range from {
		before[b.ID()], order[b.ID()] = b, i
	}
	last, moved := -1, false
	for _, b := range to {
		old, known := before[b.ID()]
		delete(before, b.ID())
		switch {
		case !known:
			changes = append(changes, fmt.Sprintf("backend %v added", b))
			continue
		case old != b:
			changes = append(changes, fmt.Sprintf("backend %v -> %v", old, b))
		}
		moved = moved || order[b.ID()] < last
		last = max(last, order[b.ID()])
	}
	for _, b := range from {
		if _, gone := before[b.ID()]; gone {
			changes = append(changes, fmt.Sprintf("backend %v removed", b))
		}
	}
	if moved {
		changes = append(changes, "order of backends")
	}
	return changes
}

func shown(value string) string {
	if value == "" {
		return "none"
	}
	return value
}
