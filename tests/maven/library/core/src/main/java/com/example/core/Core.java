package com.example.core;

/** Knows which version it belongs to. */
public final class Core {
    /** The version it was built as. */
    public static final String VERSION = "@VERSION@";

    private Core() {}
}
