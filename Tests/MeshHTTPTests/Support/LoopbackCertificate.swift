// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOSSL

/// A self-signed certificate for localhost. Its key is public, and good for tests only.
enum LoopbackCertificate {
    static var server: TLSConfiguration {
        get throws {
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: [.certificate(try certificate)],
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))
            )
            configuration.trustRoots = .certificates([try certificate])
            return configuration
        }
    }

    /// Trusts the certificate, and nothing else.
    static var client: TLSConfiguration {
        get throws {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.trustRoots = .certificates([try certificate])
            return configuration
        }
    }

    /// Trusts the certificate and shows it.
    static var mutualClient: TLSConfiguration {
        get throws {
            var configuration = try client
            configuration.certificateChain = [.certificate(try certificate)]
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))
            return configuration
        }
    }

    private static var certificate: NIOSSLCertificate {
        get throws { try NIOSSLCertificate(bytes: Array(chain.utf8), format: .pem) }
    }

    private static let chain = """
        -----BEGIN CERTIFICATE-----
        MIIBlDCCATugAwIBAgIUKeMf8eS4hpRYh7T9POI0sbNx9LcwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA0MTA0OVoYDzIxMjYxMDI4
        MDQxMDQ5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAASN1rm7rcxYXBhwStKH2ZH5jPTWjxyafDcrzHz6S8PwU/nDxg1b9OZm
        qI17OUizAhepVBbm6ngO26HOzOKkeikZo2kwZzAdBgNVHQ4EFgQU72DuDFoBQ/3L
        hncS58SajNf2MkkwHwYDVR0jBBgwFoAU72DuDFoBQ/3LhncS58SajNf2MkkwDwYD
        VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
        RwAwRAIgadByw9OeNX6J9tcdlXpRoLl6IclgBEjG7HIbw7JQnW0CIFrRo9mVBLtt
        IMxcEbhdRhcgvhQDIYL5G1SEPEqG3Zvh
        -----END CERTIFICATE-----
        """

    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgWayyu88jC5tFCMMH
        21TDDJq5NeQdQbtOvxbSv218duuhRANCAASN1rm7rcxYXBhwStKH2ZH5jPTWjxya
        fDcrzHz6S8PwU/nDxg1b9OZmqI17OUizAhepVBbm6ngO26HOzOKkeikZ
        -----END PRIVATE KEY-----
        """
}
