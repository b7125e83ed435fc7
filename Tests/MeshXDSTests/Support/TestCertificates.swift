// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

/// Certificates of an authority of the tests and of a stranger. Their keys are public, and good for tests only.
enum TestCertificates {
    /// What vouches for the server, the first and the second client.
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBjjCCATWgAwIBAgIUOWfKyXhZRHlvRflU6qNDyq2Y0+cwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyMzAwMjQxNFoYDzIxMjYxMDMw
        MDAyNDE0WjAUMRIwEAYDVQQDDAlhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAARdPlqHrEqecnL4w2w/HJ0VAFVvMvw5EQINEhViIofkKcav2XsKpquW
        fZV+E3qI4XIOt/tpZ9nFuBw88UhwJcqYo2MwYTAdBgNVHQ4EFgQUiuWSnJteysLs
        j4CeP67/PbbHPIgwHwYDVR0jBBgwFoAUiuWSnJteysLsj4CeP67/PbbHPIgwDwYD
        VR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwCgYIKoZIzj0EAwIDRwAwRAIg
        K371BFgBKDeD6em7zJzQujqGD9/rankIk68L1nVMUKgCIGgEDizVfNBwoil74qO1
        mtW3yyr/K1/KU9+lCN3zxYMO
        -----END CERTIFICATE-----
        """
    /// What vouches for the outsider.
    static let stranger = """
        -----BEGIN CERTIFICATE-----
        MIIBjTCCATOgAwIBAgIUelrkATDEdj9Y45MVaVsnWGLgVlYwCgYIKoZIzj0EAwIw
        EzERMA8GA1UEAwwIc3RyYW5nZXIwIBcNMjYxMTIzMDAyNDE0WhgPMjEyNjEwMzAw
        MDI0MTRaMBMxETAPBgNVBAMMCHN0cmFuZ2VyMFkwEwYHKoZIzj0CAQYIKoZIzj0D
        AQcDQgAEHZtnlH6jXfMYGPHauDecUR4iUCx4RsDFvFv01D4e4sdSbSI4CC5svTzG
        I5gZ9MU0ZbOBwUvaRezrRsSNzigUaKNjMGEwHQYDVR0OBBYEFPtSdQ34kPeV9uoX
        JjyDN57XOYz7MB8GA1UdIwQYMBaAFPtSdQ34kPeV9uoXJjyDN57XOYz7MA8GA1Ud
        EwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgEGMAoGCCqGSM49BAMCA0gAMEUCIHHw
        u2iXM1nNFhhq5lN+bw7R0Tk7P6ZptDIGLvfYrMHQAiEAqoaee/ffM+Cx/KoML+Zz
        meUC8aZFEJlV6LqLE98/qtA=
        -----END CERTIFICATE-----
        """
    /// `spiffe://mesh.test/server` and `server.test`.
    static let server = TLSCertificate(chain: serverChain, privateKey: SecretText(serverKey))
    /// `spiffe://mesh.test/first`.
    static let first = TLSCertificate(chain: firstChain, privateKey: SecretText(firstKey))
    /// `spiffe://mesh.test/second`.
    static let second = TLSCertificate(chain: secondChain, privateKey: SecretText(secondKey))
    /// `spiffe://mesh.test/server`, by the stranger's word.
    static let outsider = TLSCertificate(chain: outsiderChain, privateKey: SecretText(outsiderKey))

    private static let serverChain = """
        -----BEGIN CERTIFICATE-----
        MIIB2jCCAYCgAwIBAgIUc2WyK8AVOPzIzwZEb9j5ENKW/PowCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyMzAwMjQxNFoYDzIxMjYxMDMw
        MDAyNDE0WjARMQ8wDQYDVQQDDAZzZXJ2ZXIwWTATBgcqhkjOPQIBBggqhkjOPQMB
        BwNCAAQV6rBNm5AOCsi4YNBmfnhqiMR21BioGH9ENaQp2y2/6ew8cgAOn0SgKt+Q
        O3IiZ6KYmxRiInugPCJ4mx1VmkV4o4GwMIGtMDEGA1UdEQQqMCiGGXNwaWZmZTov
        L21lc2gudGVzdC9zZXJ2ZXKCC3NlcnZlci50ZXN0MA4GA1UdDwEB/wQEAwIHgDAd
        BgNVHSUEFjAUBggrBgEFBQcDAQYIKwYBBQUHAwIwCQYDVR0TBAIwADAdBgNVHQ4E
        FgQUo+1v7UhWSaoFJWdyr2mPMku43lowHwYDVR0jBBgwFoAUiuWSnJteysLsj4Ce
        P67/PbbHPIgwCgYIKoZIzj0EAwIDSAAwRQIhAJRyfOV94muK5WJeV213YAR17snz
        Ih77xpPGRoslTqp4AiBGOEKIRakG2ynmPTjLoIu8aRnUAmjgYs1gmLWe/m11Cw==
        -----END CERTIFICATE-----
        """
    private static let serverKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0dS2nww8+7jVqF46
        AWM9vT0hzfqThA05gwBoqCK89aihRANCAAQV6rBNm5AOCsi4YNBmfnhqiMR21Bio
        GH9ENaQp2y2/6ew8cgAOn0SgKt+QO3IiZ6KYmxRiInugPCJ4mx1VmkV4
        -----END PRIVATE KEY-----
        """
    private static let firstChain = """
        -----BEGIN CERTIFICATE-----
        MIIByzCCAXGgAwIBAgIUc2WyK8AVOPzIzwZEb9j5ENKW/PswCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyMzAwMjQxNVoYDzIxMjYxMDMw
        MDAyNDE1WjAQMQ4wDAYDVQQDDAVmaXJzdDBZMBMGByqGSM49AgEGCCqGSM49AwEH
        A0IABH5HpBdeQ+LZ35MeEO90OaXjSmVehqDiJPvzIdIAujddTR7RcZZwfXKgSo4v
        7TNH/kAMfltdBvmglcF178qtJm6jgaIwgZ8wIwYDVR0RBBwwGoYYc3BpZmZlOi8v
        bWVzaC50ZXN0L2ZpcnN0MA4GA1UdDwEB/wQEAwIHgDAdBgNVHSUEFjAUBggrBgEF
        BQcDAQYIKwYBBQUHAwIwCQYDVR0TBAIwADAdBgNVHQ4EFgQUyjhAeWHUnN01MXfw
        jPlnja5cbA8wHwYDVR0jBBgwFoAUiuWSnJteysLsj4CeP67/PbbHPIgwCgYIKoZI
        zj0EAwIDSAAwRQIgaPaQhSnzDkJkznunKAj5zyaTDeuiCQioPgN5ts1UPggCIQDy
        WJeDG1wUNE/en6fYr1mOtGFoXAoftY5GD3ol/TG/qw==
        -----END CERTIFICATE-----
        """
    private static let firstKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghMIw5KZJiE7ggFes
        kh+ypGv5IH34Pe2G7Wnm7pgfFaqhRANCAAR+R6QXXkPi2d+THhDvdDml40plXoag
        4iT78yHSALo3XU0e0XGWcH1yoEqOL+0zR/5ADH5bXQb5oJXBde/KrSZu
        -----END PRIVATE KEY-----
        """
    private static let secondChain = """
        -----BEGIN CERTIFICATE-----
        MIIBzTCCAXOgAwIBAgIUc2WyK8AVOPzIzwZEb9j5ENKW/PwwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyMzAwMjQxNVoYDzIxMjYxMDMw
        MDAyNDE1WjARMQ8wDQYDVQQDDAZzZWNvbmQwWTATBgcqhkjOPQIBBggqhkjOPQMB
        BwNCAAS6/sjOXSov8LU1VMNDkbtwoBWcqOfLHgyGk79tU7PvDXsPGCUwTeNvDKyi
        Wexax58BehH8gr/2efbt/eikZE3Yo4GjMIGgMCQGA1UdEQQdMBuGGXNwaWZmZTov
        L21lc2gudGVzdC9zZWNvbmQwDgYDVR0PAQH/BAQDAgeAMB0GA1UdJQQWMBQGCCsG
        AQUFBwMBBggrBgEFBQcDAjAJBgNVHRMEAjAAMB0GA1UdDgQWBBQp4hbFdJHzj7ju
        5EdSDY38qSFfYDAfBgNVHSMEGDAWgBSK5ZKcm17KwuyPgJ4/rv89tsc8iDAKBggq
        hkjOPQQDAgNIADBFAiBlyP43Sa4fbwbUw6jfW3ZH+oXpbutuZaR1qU4h1MC8+gIh
        AIkTYfKM0YDtlzVnyjoS4BtzN3FdL91EKuobtIeP4wCD
        -----END CERTIFICATE-----
        """
    private static let secondKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLN1B4VOgkmooxt0n
        g/TRjz9colzmhX6Xt4zv+c/k4zyhRANCAAS6/sjOXSov8LU1VMNDkbtwoBWcqOfL
        HgyGk79tU7PvDXsPGCUwTeNvDKyiWexax58BehH8gr/2efbt/eikZE3Y
        -----END PRIVATE KEY-----
        """
    private static let outsiderChain = """
        -----BEGIN CERTIFICATE-----
        MIIBzjCCAXSgAwIBAgIUHnNsZcBoOzrLBP9j28RzhTDRoZcwCgYIKoZIzj0EAwIw
        EzERMA8GA1UEAwwIc3RyYW5nZXIwIBcNMjYxMTIzMDAyNDE1WhgPMjEyNjEwMzAw
        MDI0MTVaMBMxETAPBgNVBAMMCG91dHNpZGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0D
        AQcDQgAEELSGo8CHIXYuPi09qSLSPYRNAhO3mtBho0luUa0G1WWMs0AsjeduE3fG
        bR1QCRL09WCHt9eABtgRGSyavXpfVqOBozCBoDAkBgNVHREEHTAbhhlzcGlmZmU6
        Ly9tZXNoLnRlc3Qvc2VydmVyMA4GA1UdDwEB/wQEAwIHgDAdBgNVHSUEFjAUBggr
        BgEFBQcDAQYIKwYBBQUHAwIwCQYDVR0TBAIwADAdBgNVHQ4EFgQUzEbC/X/9lYNX
        Wek8ILFPPOhARugwHwYDVR0jBBgwFoAU+1J1DfiQ95X26hcmPIM3ntc5jPswCgYI
        KoZIzj0EAwIDSAAwRQIgZ4FDZSbDsqUsQVMALrCoMooeTCH5/Uahpr2Sh9+saF4C
        IQCnW/ZFONXNnk8vNXXZ8cE8VvMzdemIcRY0yevfvwikzA==
        -----END CERTIFICATE-----
        """
    private static let outsiderKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgrtuKl5BcH4i4Eb5R
        RFwUF7Wfgg9YHU0KaxijZoH57KChRANCAAQQtIajwIchdi4+LT2pItI9hE0CE7ea
        0GGjSW5RrQbVZYyzQCyN524Td8ZtHVAJEvT1YIe314AG2BEZLJq9el9W
        -----END PRIVATE KEY-----
        """
}
