//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
)

// A workload is one kind of work, the same for every proxy.
type workload struct {
	name        string
	about       string
	connections int
	path        string
	upload      int  // bytes of the request's body; 0: GET without one
	closes      bool // a new connection for each request
	payload     int  // bytes of body per request in its main direction, where CPU per byte is of interest; else 0
	backends    scheme
	without     string // proxy that cannot do this work
	logs        bool   // not a comparison of proxies, but of lb without and with its access log
}

type workloads []workload

var allWorkloads = workloads{
	{name: "small-64", about: "small requests, 64 keep-alive connections", connections: 64, path: "/small"},
	{name: "small-512", about: "small requests, 512 keep-alive connections", connections: 512, path: "/small"},
	{
		name: "connect", about: "a new connection for each request, 64 at a time",
		connections: 64, path: "/small", closes: true,
	},
	{
		name: "download", about: "1 MiB responses, 16 keep-alive connections",
		connections: 16, path: largePath, payload: largeSize,
	},
	{
		name: "upload", about: "64 KiB uploads, 32 keep-alive connections",
		connections: 32, path: "/upload", upload: 64 << 10, payload: 64 << 10,
	},
	{
		name: "tls-64", about: "small requests, 64 keep-alive connections, backends with TLS",
		connections: 64, path: "/small", backends: tls,
	},
	{
		name: "download-tls", about: "1 MiB responses, 16 keep-alive connections, backends with TLS",
		connections: 16, path: largePath, payload: largeSize, backends: tls,
	},
	{
		name: "h2c-64", about: "small requests, 64 keep-alive connections of HTTP/1.1, backends with HTTP/2",
		connections: 64, path: "/small", backends: h2c, without: "nginx", // Debian 12's speaks HTTP/2 to clients only
	},
	{
		name: "access-log", about: "as small-64: without access log, to /dev/null, to a pipe with a quick reader",
		connections: 64, path: "/small", logs: true,
	},
}

// browserFields are sent with each request beside Host: ten fields of usual lengths in all.
var browserFields = [][2]string{
	{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
	{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
	{"Accept-Language", "en-GB,en;q=0.7,de;q=0.3"},
	{"Accept-Encoding", "gzip, deflate, br, zstd"},
	{"Referer", "https://www.example.com/catalogue/shoes?page=3&order=price"},
	{"Cookie", "session=7f3c2a9e51d84b06; theme=dark; consent=necessary"},
	{"Sec-Fetch-Dest", "document"},
	{"Sec-Fetch-Mode", "navigate"},
	{"Sec-Fetch-Site", "same-origin"},
}

func (all workloads) names() []string {
	var names []string
	for _, w := range all {
		names = append(names, w.name)
	}
	return names
}

// named finds a workload that is known to exist.
func (all workloads) named(name string) workload {
	return all[slices.IndexFunc(all, func(w workload) bool { return w.name == name })]
}

// choose reads a list of names, separated by commas.
func (all workloads) choose(list string) (workloads, error) {
	var chosen workloads
	for name := range strings.SplitSeq(list, ",") {
		if !slices.Contains(all.names(), name) {
			return nil, fmt.Errorf("no workload %q; there are %s", name, strings.Join(all.names(), ", "))
		}
		chosen = append(chosen, all.named(name))
	}
	return chosen, nil
}

// entrants are the proxies that take part, of those that are wanted.
func (w workload) entrants(names []string) []string {
	if w.logs {
		if !slices.Contains(names, "lb") {
			return nil
		}
		return []string{"lb", lbLogNull, lbLogPipe}
	}
	var entrants []string
	for _, name := range names {
		if name != w.without {
			entrants = append(entrants, name)
		}
	}
	return entrants
}

// method is POST for an upload, else GET.
func (w workload) method() string {
	if w.upload > 0 {
		return "POST"
	}
	return "GET"
}

// responseBody is what a client must receive.
func (w workload) responseBody() []byte {
	response := smallResponse
	if w.path == largePath {
		response = largeResponse
	}
	return response[strings.Index(string(response[:min(len(response), 512)]), "\r\n\r\n")+4:]
}
