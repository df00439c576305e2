package com.example.greet;

import org.apache.maven.plugin.AbstractMojo;
import org.apache.maven.plugins.annotations.Mojo;

/** Says where it came from. */
@Mojo(name = "hello", requiresProject = false)
public final class GreetMojo extends AbstractMojo {
    @Override
    public void execute() {
        getLog().info("greetings from @VERSION@");
    }
}
