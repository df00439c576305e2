// A framework needs one source of its own; everything else comes from the library.
package granary.kmp

internal object Framework
