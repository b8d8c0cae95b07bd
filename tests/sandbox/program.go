// What an ordinary Go program does: goroutines, processes, files, sockets, interfaces.
package main

import (
	"crypto/rand"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func compute() {
	var group sync.WaitGroup
	for i := 0; i < 64; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			runtime.LockOSThread() // a thread each
			_ = make([]byte, 1<<20)
		}()
	}
	group.Wait()
	runtime.GC()
}

func talk() {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	go func() {
		connection := must(listener.Accept())
		must(connection.Write([]byte("hello")))
		connection.Close()
	}()
	connection := must(net.Dial("tcp", listener.Addr().String()))
	if string(must(io.ReadAll(connection))) != "hello" {
		panic("another answer")
	}
	must(net.Interfaces()) // over netlink
}

func main() {
	compute()
	if string(must(exec.Command("sh", "-c", "echo $((6 * 7))").Output())) != "42\n" {
		panic("another output")
	}
	file := must(os.CreateTemp("", "program-"))
	must(io.CopyN(file, rand.Reader, 1<<16))
	if must(os.Stat(file.Name())).Size() != 1<<16 {
		panic("another size")
	}
	if err := os.Chmod(file.Name(), 0o600); err != nil {
		panic(err)
	}
	talk()
	os.Stdout.WriteString("all went well\n")
}
