// Where the library comes from. Everything that differs between builds is in gradle.properties, which build-swift writes:
// nothing of a stranger ever becomes a part of a script.

pluginManagement {
    repositories {
        mavenCentral()
        gradlePluginPortal()
    }
    val kotlin = providers.gradleProperty("granary.kotlin").get()
    plugins {
        kotlin("multiplatform") version kotlin
    }
}

dependencyResolutionManagement {
    repositoriesMode.set(RepositoriesMode.PREFER_SETTINGS)
    repositories {
        val urls = providers.gradleProperty("granary.repositories").get().split(",")
        urls.forEachIndexed { index, address ->
            maven {
                name = "source$index"
                url = uri(address)
                isAllowInsecureProtocol = address.startsWith("http://localhost") || address.startsWith("http://127.0.0.1")
                val authorization = System.getenv("GRANARY_AUTHORIZATION_$index")
                if (authorization != null) {
                    credentials(HttpHeaderCredentials::class) {
                        name = "Authorization"
                        value = authorization
                    }
                    authentication { create<HttpHeaderAuthentication>("header") }
                }
            }
        }
        // Kotlin/Native itself, which the plugin resolves like a library.
        mavenCentral { content { includeGroupAndSubgroups("org.jetbrains.kotlin") } }
    }
}

rootProject.name = "granary-kmp"
