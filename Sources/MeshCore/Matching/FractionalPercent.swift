// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A share of all requests (`envoy.type.v3.FractionalPercent`).
public struct FractionalPercent: Hashable, Sendable, CustomStringConvertible {
    /// What the numerator counts in.
    public enum Denominator: UInt32, Hashable, Sendable {
        /// Percent.
        case hundred = 100
        /// Hundredths of a percent.
        case tenThousand = 10_000
        /// Ten-thousandths of a percent.
        case million = 1_000_000
    }

    /// How many of the denominator's parts.
    public var numerator: UInt32
    /// What the numerator counts in.
    public var denominator: Denominator

    /// Creates a share.
    public init(numerator: UInt32, denominator: Denominator = .hundred) {
        self.numerator = numerator
        self.denominator = denominator
    }

    /// Creates a share from percent, rounded to ten-thousandths of a percent; clamped to 0 ... 100.
    public init(percent: Double) {
        let clamped = percent.isFinite ? min(max(percent, 0), 100) : 0
        self.init(numerator: UInt32((clamped * 10_000).rounded()), denominator: .million)
    }

    /// No request.
    public static let none = FractionalPercent(numerator: 0)
    /// Every request.
    public static let all = FractionalPercent(numerator: 100)

    /// The share in percent.
    public var percent: Double {
        Double(numerator) * 100 / Double(denominator.rawValue)
    }

    /// Whether a request with that random number belongs to the share: `random % denominator < numerator`, as Envoy
    /// decides it.
    public func contains(_ random: UInt64) -> Bool {
        random % UInt64(denominator.rawValue) < UInt64(numerator)
    }

    /// The share, as `10%`.
    public var description: String { "\(percent)%" }
}
