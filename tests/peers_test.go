package tests

import (
	"fmt"
	"strings"
	"time"
)

// nginxProxy configures nginx to do what lb does, as far as it can: persistent connections to the backends, nothing
// buffered, retries only where a request was not sent or is idempotent.
func nginxProxy(s settings, port int) string {
	var servers strings.Builder
	for _, b := range s.backends {
		fmt.Fprintf(&servers, "server %s max_fails=0;\n", b)
	}
	return fmt.Sprintf(`
daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events { worker_connections 4096; }
http {
	access_log off; client_max_body_size 0; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	client_header_timeout %dms; proxy_read_timeout %dms;
	upstream backends { %s keepalive 64; }
	map $http_upgrade $hop { default upgrade; '' ''; }
	server {
		listen 127.0.0.1:%d;
		location / {
			proxy_pass http://backends; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;
			proxy_set_header Host $http_host; proxy_set_header Connection $hop;
			proxy_set_header Upgrade $http_upgrade; proxy_set_header X-Forwarded-For $remote_addr;
			proxy_next_upstream error timeout; proxy_ignore_client_abort on;
		}
	}
}`, milliseconds(s.headerTimeout, 10), milliseconds(s.responseTimeout, 60), servers.String(), port)
}

// haproxy configures HAProxy likewise.
func haproxy(s settings, port int) string {
	var servers strings.Builder
	for i, b := range s.backends {
		fmt.Fprintf(&servers, "\tserver s%d %s\n", i, b)
	}
	return fmt.Sprintf(`
global
	maxconn 4096
defaults
	mode http
	option http-keep-alive
	option forwardfor
	option http-no-delay
	option abortonclose
	http-reuse safe
	retry-on conn-failure empty-response response-timeout
	option redispatch 1
	timeout connect 5s
	timeout client 60s
	timeout server %dms
	timeout http-request %dms
	timeout tunnel 1h
listen lb
	bind 127.0.0.1:%d
	http-request disable-l7-retry if METH_POST
%s`, milliseconds(s.responseTimeout, 60), milliseconds(s.headerTimeout, 10), port, servers.String())
}

// milliseconds of d, or of so many seconds when d is zero.
func milliseconds(d time.Duration, seconds int64) int64 {
	if d > 0 {
		return d.Milliseconds()
	}
	return seconds * 1000
}
