// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension RegularExpression {
    /// The flags in force at the start of a pattern, and the bound on what it may compile to.
    public struct Options: Sendable, Hashable {
        /// Whether letters match regardless of case, as if the pattern began with `(?i)`; `false` by default, as in RE2.
        public var isCaseInsensitive: Bool

        /// Whether `.` also matches a newline, as if the pattern began with `(?s)`; `false` by default, as in RE2.
        public var dotMatchesNewline: Bool

        /// The largest program, in instructions and class transitions, that a pattern may compile to.
        ///
        /// The unit is close to RE2's "program size". The default of 32 768 is what Istio's bootstrap sets for Envoy's
        /// runtime key `re2.max_program_size.error_level`. (Envoy itself defaults to 100, which is widely raised; RE2
        /// on its own stops near 87 000, from its `max_mem` of 8 MiB.) Whatever is set, 2^24 is never exceeded.
        public var maximumProgramSize: Int

        /// The bound that is in force: addresses and budgets derived from it must not overflow.
        var programSizeBound: Int { min(max(maximumProgramSize, 0), 1 << 24) }

        /// Creates options; the defaults are RE2's flags and Istio's bound.
        public init(
            isCaseInsensitive: Bool = false,
            dotMatchesNewline: Bool = false,
            maximumProgramSize: Int = 32_768
        ) {
            self.isCaseInsensitive = isCaseInsensitive
            self.dotMatchesNewline = dotMatchesNewline
            self.maximumProgramSize = maximumProgramSize
        }
    }
}
