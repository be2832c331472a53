// Asks servers of etcd's API for the same, in turn, through etcd's own client. Benchmarks/clients/compare starts it.
//
//	clientv3 ROUNDS SECONDS NAME=ADDRESS...
package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/etcd/clientv3"
)

type server struct{ name, address string }

// What was measured of each server, in the order of the first round.
type results struct {
	order   []string
	figures map[string]map[string][]float64
}

func (r *results) add(what, server string, figure float64) {
	if r.figures[what] == nil {
		r.order = append(r.order, what)
		r.figures[what] = map[string][]float64{}
	}
	r.figures[what][server] = append(r.figures[what][server], figure)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "clientv3:", err)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: clientv3 ROUNDS SECONDS NAME=ADDRESS...")
		os.Exit(2)
	}
	rounds, err := strconv.Atoi(os.Args[1])
	check(err)
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	check(err)
	duration := time.Duration(seconds * float64(time.Second))
	var servers []server
	for _, argument := range os.Args[3:] {
		parts := strings.SplitN(argument, "=", 2)
		servers = append(servers, server{parts[0], parts[1]})
	}
	all := &results{figures: map[string]map[string][]float64{}}
	for round := 0; round < rounds; round++ {
		for _, workload := range []func(server, time.Duration, *results){puts, fanOut, replay} {
			for index := range servers {
				workload(servers[(round+index)%len(servers)], duration, all)
			}
		}
	}
	all.print(servers)
}

// One row for each figure: the medians of the rounds, by server.
func (r *results) print(servers []server) {
	fmt.Printf("%-44s", "")
	for _, s := range servers {
		fmt.Printf(" %14s", s.name)
	}
	fmt.Println()
	for _, what := range r.order {
		fmt.Printf("%-44s", what)
		for _, s := range servers {
			figures := r.figures[what][s.name]
			sort.Float64s(figures)
			fmt.Printf(" %14.1f", figures[len(figures)/2])
		}
		fmt.Println()
	}
}

func connect(s server, callers int) []*clientv3.Client {
	count := callers / 4
	if count < 1 {
		count = 1
	}
	if count > 16 {
		count = 16
	}
	var clients []*clientv3.Client
	for len(clients) < count {
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{s.address}, DialTimeout: 10 * time.Second})
		check(err)
		clients = append(clients, client)
	}
	return clients
}

func closeAll(clients []*clientv3.Client) {
	for _, client := range clients {
		client.Close()
	}
}

func microseconds(times []time.Duration, share float64) float64 {
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	return float64(times[int(float64(len(times)-1)*share)]) / 1e3
}

// Lets writers put until the time is over; returns how long each put took.
func write(clients []*clientv3.Client, writers int, duration time.Duration, key func(writer, put int) string) []time.Duration {
	value := strings.Repeat("x", 128)
	end := time.Now().Add(duration)
	var all []time.Duration
	var mutex sync.Mutex
	var group sync.WaitGroup
	for writer := 0; writer < writers; writer++ {
		group.Add(1)
		go func(writer int) {
			defer group.Done()
			var times []time.Duration
			for put := 0; time.Now().Before(end); put++ {
				start := time.Now()
				_, err := clients[writer%len(clients)].Put(context.Background(), key(writer, put), value)
				check(err)
				times = append(times, time.Since(start))
			}
			mutex.Lock()
			all = append(all, times...)
			mutex.Unlock()
		}(writer)
	}
	group.Wait()
	return all
}

func anyKey(writer, put int) string { return fmt.Sprintf("k/%d", (writer*7919+put*104729)%1000000) }

// What was written before, to whichever server, is on disk from here on, so that nobody's flushes wait for it.
func settle() { syscall.Sync() }

func puts(s server, duration time.Duration, r *results) {
	for _, writers := range []int{1, 64, 512} {
		clients := connect(s, writers)
		settle()
		write(clients, writers, duration/10, anyKey)
		start := time.Now()
		times := write(clients, writers, duration, anyKey)
		rate := float64(len(times)) / time.Since(start).Seconds()
		r.add(fmt.Sprintf("puts a second, %d writers", writers), s.name, rate)
		r.add(fmt.Sprintf("their p50, µs, %d writers", writers), s.name, microseconds(times, 0.5))
		r.add(fmt.Sprintf("their p99, µs, %d writers", writers), s.name, microseconds(times, 0.99))
		closeAll(clients)
	}
}

func fanOut(s server, duration time.Duration, r *results) {
	for _, watchers := range []int{1, 1000} {
		readers, writer := connect(s, watchers), connect(s, 16)
		arrivals := make(chan time.Time, watchers*2)
		var isCounting, events int64
		for watcher := 0; watcher < watchers; watcher++ {
			channel := readers[watcher%len(readers)].Watch(context.Background(), "fan", clientv3.WithCreatedNotify())
			<-channel
			go func() {
				for response := range channel {
					check(response.Err())
					if atomic.LoadInt64(&isCounting) != 0 {
						atomic.AddInt64(&events, int64(len(response.Events)))
					} else {
						arrivals <- time.Now()
					}
				}
			}()
		}
		settle()
		var times, last []time.Duration
		for end := time.Now().Add(duration); time.Now().Before(end); {
			start := time.Now()
			_, err := writer[0].Put(context.Background(), "fan", strings.Repeat("x", 128))
			check(err)
			var latest time.Duration
			for watcher := 0; watcher < watchers; watcher++ {
				time := (<-arrivals).Sub(start)
				times = append(times, time)
				if time > latest {
					latest = time
				}
			}
			last = append(last, latest)
		}
		what := fmt.Sprintf("put to event, µs, %d watchers", watchers)
		r.add(what+", p50", s.name, microseconds(times, 0.5))
		r.add(what+", p99", s.name, microseconds(times, 0.99))
		r.add(what+", last, p50", s.name, microseconds(last, 0.5))

		atomic.StoreInt64(&isCounting, 1)
		start := time.Now()
		made := write(writer, 16, duration, func(int, int) string { return "fan" })
		for atomic.LoadInt64(&events) < int64(len(made)*watchers) {
			time.Sleep(100 * time.Microsecond)
		}
		rate := float64(len(made)*watchers) / time.Since(start).Seconds()
		r.add(fmt.Sprintf("events a second, %d watchers", watchers), s.name, rate)
		closeAll(readers)
		closeAll(writer)
	}
}

// Adds 100 000 changes, once, and reads as many as come in ten times the duration.
func replay(s server, duration time.Duration, r *results) {
	const changes = 100000
	clients := connect(s, 512)
	defer closeAll(clients)
	mark, err := clients[0].Get(context.Background(), "replay-from")
	check(err)
	if len(mark.Kvs) == 0 {
		put, err := clients[0].Put(context.Background(), "replay-from", "")
		check(err)
		var group sync.WaitGroup
		for writer := 0; writer < 512; writer++ {
			group.Add(1)
			go func(writer int) {
				defer group.Done()
				for change := writer; change < changes; change += 512 {
					_, err := clients[writer%16].Put(context.Background(), fmt.Sprintf("replay/%d", change), strings.Repeat("x", 128))
					check(err)
				}
			}(writer)
		}
		group.Wait()
		_, err = clients[0].Put(context.Background(), "replay-from", fmt.Sprint(put.Header.Revision))
		check(err)
		mark, err = clients[0].Get(context.Background(), "replay-from")
		check(err)
	}
	revision, err := strconv.ParseInt(string(mark.Kvs[0].Value), 10, 64)
	check(err)
	context, cancel := context.WithTimeout(context.Background(), 10*duration)
	defer cancel()
	start := time.Now()
	count := 0
	var latest time.Time
	for response := range clients[0].Watch(context, "replay/", clientv3.WithPrefix(), clientv3.WithRev(revision)) {
		if response.Err() != nil {
			break
		}
		count += len(response.Events)
		latest = time.Now()
		if count >= changes {
			break
		}
	}
	r.add("replayed events a second, of 100 000", s.name, float64(count)/latest.Sub(start).Seconds())
}
