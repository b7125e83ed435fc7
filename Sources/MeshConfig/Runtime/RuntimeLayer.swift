// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshRouting

/// Values that stand in place of those in the configuration, by their keys (`envoy.service.runtime.v3.Runtime`).
///
/// Of several layers a later one wins, key by key.
public struct RuntimeLayer: Hashable, Sendable {
    /// The most values of a layer. Envoy has no bound; this is far above what its own code asks for.
    public static let maximumCount = 10_000
    /// The longest key, and the longest text, in bytes of UTF-8.
    public static let maximumLength = 1024

    /// Its name.
    public var name: String
    /// The values by their keys, which have dots where Envoy's are nested (`fault.http.abort.abort_percent`).
    public var values: [String: RuntimeValue]

    /// Creates a layer.
    public init(name: String, values: [String: RuntimeValue] = [:]) {
        self.name = name
        self.values = values
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(!name.isEmpty, "name", "is empty")
        let count = values.count
        problems.require(
            count <= Self.maximumCount,
            "values",
            "must be at most \(Self.maximumCount), are \(count)"
        )
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            problems.require(!key.isEmpty, "values", "a key is empty")
            let isShort = key.utf8.count <= Self.maximumLength
            problems.require(isShort, "values", "a key is longer than \(Self.maximumLength) bytes")
            switch value {
            case .text(let text):
                let isShort = text.utf8.count <= Self.maximumLength
                problems.require(isShort, "values[\(key)]", "must be at most \(Self.maximumLength) bytes")
            case .number(let number): problems.require(number.isFinite, "values[\(key)]", "must be finite")
            case .fraction, .integer, .boolean: break
            }
        }
        try problems.throwIfAny()
    }
}
