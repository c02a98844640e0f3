// SPDX-License-Identifier: MIT
// The program of go.json. Build it with: go build -o /srv/go/hello hello.go
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

const greeting = "hello"
const idle = 5 * time.Second // keep-alive timeout

var leaving int32

func hello(response http.ResponseWriter, _ *http.Request) {
	if atomic.LoadInt32(&leaving) != 0 {
		response.Header().Set("Connection", "close")
	}
	fmt.Fprintf(response, "%s from worker %s\n", greeting, os.Getenv("PREFORK_WORKER"))
}

// Does the same as sd_notify(3).
func notify(state string) {
	if to, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET")); err == nil {
		to.Write([]byte(state))
		to.Close()
	}
}

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener")) // passed sockets start at descriptor 3
	if err != nil {
		log.Fatal(err)
	}
	server := http.Server{Handler: http.HandlerFunc(hello), IdleTimeout: idle}
	go func() { log.Print(server.Serve(listener)) }()
	notify("READY=1")

	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	<-told
	// Do not call Shutdown right away: it closes idle connections, on which a request may be on its way. This way each connection
	// closes after its next response, or after the idle timeout.
	atomic.StoreInt32(&leaving, 1)
	listener.Close()
	time.Sleep(idle + time.Second)
	server.Shutdown(context.Background())
}
