// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP

/// Does what a job says and prints what came of it.
struct JobRunner: Sendable {
    let peer: PeerClient
    private let clock = SystemClock()

    init(_ peer: PeerClient) {
        self.peer = peer
    }

    func run(_ job: ClientJob) async {
        let start = clock.now
        let isSummary = job.summary == true
        let end = job.forMilliseconds.map { start.advanced(by: .milliseconds($0)) }
        var left = end == nil ? job.count ?? 1 : .max
        var summary = JobSummary(id: job.id)
        await withTaskGroup(of: JobResult.self) { group in
            for _ in 0..<min(job.concurrency ?? 1, left) {
                left -= 1
                group.addTask { await result(of: job) }
            }
            for await result in group {
                if isSummary { summary.add(result) } else { LineOutput.write(result) }
                if left > 0, end.map({ clock.now < $0 }) ?? true {
                    left -= 1
                    group.addTask { await self.result(of: job) }
                }
            }
        }
        guard isSummary else { return }
        summary.close(after: Self.milliseconds(clock.now.elapsed(since: start)))
        LineOutput.write(summary)
    }

    /// Makes one request, and gives up when the job says so.
    private func result(of job: ClientJob) async -> JobResult {
        guard let cancelAfter = job.cancelAfter else { return await peer.placed { await exchange(job) } }
        return await withTaskGroup(of: JobResult?.self) { group in
            group.addTask { await peer.placed { await exchange(job) } }
            group.addTask {
                try? await Pause.milliseconds(cancelAfter)
                return nil
            }
            var result = JobResult(id: job.id)
            for await ended in group {
                if let ended { result = ended }
                group.cancelAll()
            }
            return result
        }
    }

    private func exchange(_ job: ClientJob) async -> JobResult {
        var result = JobResult(id: job.id)
        var checksum = Checksum()
        let start = clock.now
        do {
            let timeout = job.timeout.map { Duration.milliseconds($0) }
            try await peer.client.withResponse(to: job.request(), timeout: timeout) { response in
                result.status = response.head.status.code
                result.headers = response.head.headerFields.pairs
                for try await chunk in response.body {
                    checksum.update(chunk)
                    if let stop = job.stopAfter, checksum.count >= stop { return }
                    // A caller that gives up meanwhile finds out at the next chunk.
                    if let pause = job.readPause { try? await Pause.milliseconds(pause) }
                }
                result.trailers = response.trailers?.pairs
            }
        } catch {
            result.record(error)
        }
        result.length = checksum.count
        result.checksum = checksum.value
        result.milliseconds = Self.milliseconds(clock.now.elapsed(since: start))
        return result
    }

    private static func milliseconds(_ duration: Nanoseconds) -> Double {
        (duration.seconds * 100_000).rounded() / 100
    }
}
