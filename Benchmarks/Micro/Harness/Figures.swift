// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// What was measured of one benchmark; `nil` where nothing was.
struct Figures: Sendable {
    var name: String
    /// CPU nanoseconds an operation, the median of the samples.
    var nanoseconds: Double
    /// Instructions an operation.
    var instructions: Double?
    /// Heap allocations an operation.
    var allocations: Double?
    var peer: String?
    /// CPU time in terms of the peer's, the median over pairs of samples.
    var ratio: Double?

    /// The figures for a person.
    var line: String {
        let columns = [
            name.padded(34), "\(nanoseconds.rounded(to: 1)) ns".padded(14),
            (instructions.map { "\($0.rounded(to: 0)) instr" } ?? "").padded(14),
            (allocations.map { "\($0.rounded(to: 2)) allocs" } ?? "").padded(14),
            peer.map { "\(ratio.map { "\($0.rounded(to: 4))" } ?? "?") x \($0)" } ?? "",
        ]
        return columns.joined()
    }

    private var json: String {
        func number(_ value: Double?, _ places: Int) -> String { value.map { "\($0.rounded(to: places))" } ?? "null" }
        // Names hold nothing that JSON escapes.
        return """
            {"name":"\(name)","ns":\(number(nanoseconds, 2)),"instructions":\(number(instructions, 1)),\
            "allocations":\(number(allocations, 3)),"peer":\(peer.map { "\"\($0)\"" } ?? "null"),\
            "ratio":\(number(ratio, 5))}
            """
    }

    /// Writes all figures as one JSON document.
    static func write(_ figures: [Figures], to path: String) {
        let text = "{\"benchmarks\":[\n" + figures.map(\.json).joined(separator: ",\n") + "\n]}\n"
        if path == "-" {
            print(text, terminator: "")
            return
        }
        guard let file = fopen(path, "w") else {
            print("cannot write \(path)")
            exit(1)
        }
        fputs(text, file)
        fclose(file)
    }
}

extension Double {
    fileprivate func rounded(to places: Int) -> Double {
        let scale = (0..<places).reduce(1.0) { product, _ in product * 10 }
        return (self * scale).rounded() / scale
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(1, width - count))
    }
}
