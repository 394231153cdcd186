//go:build linux

package main

import (
	"fmt"
	"syscall"
)

// The configurations are what an expert would write for throughput on a small machine. They were tried against their
// alternatives with this program. What lost: for nginx, proxy_buffering off (1.7 times the CPU per 1 MiB response) and
// smaller or larger proxy_buffers; for HAProxy, bufsize 16384 and 32768 (1.1 times the CPU per request with 512
// connections, up to twice per 1 MiB). What made no difference: proxy_request_buffering off, splice-auto.

// setting is what the configuration of a proxy depends on.
type setting struct {
	dir     string // for its files
	port    int
	workers int
	behind  origins
}

// maxConnections is the limit of each peer on client connections, as far as this machine allows descriptors: two for
// each, and a reserve.
func maxConnections() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 400 // what the usual soft limit allows
	}
	return int(min(limit.Max, 1<<15)) * 2 / 5
}

// nginxConfig logs nothing, never closes a connection by count, and adds the forwarding fields that lb adds too.
func nginxConfig(s setting) string {
	connections := maxConnections()
	protocol := "http"
	if s.behind.scheme == tls {
		protocol = "https" // certificates are not verified unless nginx is told to; sessions are reused
	}
	return fmt.Sprintf(`daemon off;
pid %[1]s/pid;
error_log stderr crit;
worker_processes %[2]d;
worker_rlimit_nofile %[3]d;
events {
    worker_connections %[4]d;
    multi_accept on;
    accept_mutex off;
}
http {
    access_log off;
    server_tokens off;
    tcp_nodelay on;
    reset_timedout_connection on;
    keepalive_timeout 60s;
    keepalive_requests 1000000000;

    client_body_temp_path %[1]s/body;
    proxy_temp_path %[1]s/proxy;
    fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi;
    scgi_temp_path %[1]s/scgi;

    upstream backends {
%[5]s        keepalive 1024;
        keepalive_requests 1000000000;
        keepalive_timeout 60s;
    }
    server {
        listen 127.0.0.1:%[6]d reuseport backlog=4096;
        location / {
            proxy_pass %[7]s://backends;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_connect_timeout 5s;
            proxy_ssl_protocols TLSv1.3; # 1.22 does not offer it by itself

            # never to disk: bodies are passed on in memory
            proxy_max_temp_file_size 0;
            proxy_buffer_size 16k;
            proxy_buffers 8 64k;
            proxy_busy_buffers_size 128k;
            client_body_buffer_size 128k;
            client_max_body_size 0;
        }
    }
}
`, s.dir, s.workers, 2*connections, connections, lines(s.behind.addresses, "        server %[2]s max_fails=0;\n"),
		s.port, protocol)
}

// haproxyConfig keeps and shares connections on both sides.
func haproxyConfig(s setting) string {
	protocol := map[scheme]string{plain: "", tls: " ssl verify none", h2c: " proto h2"}[s.behind.scheme]
	return fmt.Sprintf(`global
    nbthread %d
    maxconn %d
    tune.bufsize 65536
    tune.maxaccept 256
defaults
    mode http
    no option http-server-close
    option http-keep-alive
    option forwardfor
    http-reuse always
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout http-request 10s
    timeout http-keep-alive 60s
frontend clients
    bind 127.0.0.1:%d shards by-thread
    http-request set-header X-Forwarded-Proto http
    default_backend servers
backend servers
    balance roundrobin
%s`, s.workers, maxConnections(), s.port,
		lines(s.behind.addresses, "    server s%d %s pool-max-conn -1"+protocol+"\n"))
}
