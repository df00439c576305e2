// An XCFramework of one library: all its public declarations, and nothing else.

import org.jetbrains.kotlin.gradle.plugin.mpp.apple.XCFramework

plugins {
    kotlin("multiplatform")
}

val dependency = providers.gradleProperty("granary.dependency").get()
val module = providers.gradleProperty("granary.module").get()
val wanted = providers.gradleProperty("granary.targets").get().split(",")

kotlin {
    val framework = XCFramework(module)
    val targets = wanted.map { target ->
        when (target) {
            "iosArm64" -> iosArm64()
            "iosSimulatorArm64" -> iosSimulatorArm64()
            "iosX64" -> iosX64()
            "macosArm64" -> macosArm64()
            "macosX64" -> macosX64()
            "tvosArm64" -> tvosArm64()
            "tvosSimulatorArm64" -> tvosSimulatorArm64()
            "tvosX64" -> tvosX64()
            "watchosArm32" -> watchosArm32()
            "watchosArm64" -> watchosArm64()
            "watchosDeviceArm64" -> watchosDeviceArm64()
            "watchosSimulatorArm64" -> watchosSimulatorArm64()
            "watchosX64" -> watchosX64()
            else -> error("unknown target $target")
        }
    }
    targets.forEach { target ->
        target.binaries.framework {
            baseName = module
            isStatic = true
            export(dependency)
            binaryOption("bundleId", "granary.kmp.$module")
            framework.add(this)
        }
    }
    sourceSets.commonMain.dependencies {
        api(dependency)
    }
}
