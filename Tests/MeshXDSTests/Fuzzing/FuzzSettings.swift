// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// What a fuzzer that runs as a program is told by its environment.
struct FuzzSettings: Sendable {
    /// `MESH_FUZZ_SEED`
    var seed: UInt64
    /// `MESH_FUZZ_SECONDS`: 0 for one round.
    var seconds: UInt64
    /// `MESH_FUZZ_ONLY`: the names of targets between commas; empty for all.
    var only: [String]
    /// `MESH_FUZZ_JOURNAL`: the file of the input that is being read.
    var journal: String?
    /// `MESH_FUZZ_REPLAY`: a file with a target, a colon, and the digits of an input.
    var replay: FuzzRegression?

    init(_ environment: [String: String]) {
        seed = environment["MESH_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
        seconds = environment["MESH_FUZZ_SECONDS"].flatMap { UInt64($0) } ?? 0
        only = environment["MESH_FUZZ_ONLY"]?.split(separator: ",").map(String.init) ?? []
        journal = environment["MESH_FUZZ_JOURNAL"]
        replay = environment["MESH_FUZZ_REPLAY"].flatMap { path in
            guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let input = [UInt8](hexadecimal: parts[1]) else { return nil }
            return FuzzRegression(target: String(parts[0]), symptom: "replayed", input: input)
        }
    }
}
