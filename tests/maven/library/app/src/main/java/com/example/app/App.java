package com.example.app;

import com.example.core.Core;

/** Uses the other module. */
public final class App {
    private App() {}

    /**
     * Greets.
     *
     * @return a line with the version of the other module
     */
    public static String greeting() {
        return "built with " + Core.VERSION;
    }
}
